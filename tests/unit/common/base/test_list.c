/* SPDX-License-Identifier: MIT */
/* base/list. */
#include "base/list.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct list node;
};

static int number_of(struct list *node)
{
    return CONTAINER_OF(node, struct item, node)->number;
}

Test(list, keeps_order_from_both_ends)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct list head;
    int expected = 1;

    list_init(&head);
    cr_assert(list_is_empty(&head));
    list_add_tail(&head, &items[1].node);
    list_add_tail(&head, &items[2].node);
    list_add_head(&head, &items[0].node);
    LIST_FOR_EACH (node, &head) {
        cr_assert_eq(number_of(node), expected++);
    }
    cr_assert_eq(expected, 4);
}

Test(list, an_item_may_leave_while_the_list_is_walked)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list head;
    int left = 0;

    list_init(&head);
    for (int i = 0; i < 4; i++) {
        list_add_tail(&head, &items[i].node);
    }
    LIST_FOR_EACH_SAFE (node, &head) {
        if (number_of(node) % 2 == 0) {
            list_remove(node);
            list_remove(node);
        }
    }
    LIST_FOR_EACH (node, &head) {
        left += number_of(node);
    }
    cr_assert_eq(left, 4);
    cr_assert(!list_is_linked(&items[0].node) && list_is_linked(&items[1].node));
}
