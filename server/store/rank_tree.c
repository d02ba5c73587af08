/* SPDX-License-Identifier: MIT */
#include "store/rank_tree.h"

#include "base/assert.h"
#include "store/rank_node.h"

enum {
    HEIGHT_MAX = 20,
    /* A leaf with fewer members is merged with a neighbour if the two then fill no more than this. */
    LEAF_MERGE_BELOW = RANK_LEAF_MAX / 2,
    LEAF_MERGED_MAX = RANK_LEAF_MAX * 3 / 4,
    INNER_MERGE_BELOW = RANK_INNER_MAX / 3,
    INNER_MERGED_MAX = RANK_INNER_MAX * 3 / 4,
    READ_AHEAD = 6, /* members that a cursor fetches before they are asked for */
};

/* The way from the root to a leaf. */
struct path {
    struct {
        struct rank_inner *inner;
        unsigned child;
    } steps[HEIGHT_MAX];
    struct rank_leaf *leaf;
    uint64_t leaf_ref;
};

static struct slab *slab_of(const struct rank_tree *tree)
{
    return &tree->space->members.slab;
}

static struct rank_leaf *leaf_at(const struct rank_tree *tree, uint64_t ref)
{
    return slab_at(slab_of(tree), ref);
}

static struct rank_inner *inner_at(const struct rank_tree *tree, uint64_t ref)
{
    return slab_at(slab_of(tree), ref);
}

static uint64_t new_node(struct rank_tree *tree, size_t size)
{
    uint64_t ref = slab_alloc(slab_of(tree), SLAB_NODES, size);

    memset(slab_at(slab_of(tree), ref), 0, size);
    tree->bytes += slab_object_size(slab_of(tree), ref);
    return ref;
}

static void free_node(struct rank_tree *tree, uint64_t ref)
{
    tree->bytes -= slab_object_size(slab_of(tree), ref);
    slab_free(slab_of(tree), ref);
}

struct rank_bound rank_bound_score(double score, bool is_after)
{
    return (struct rank_bound){
        .order = RANK_BY_SCORE, .image = rank_image(score), .is_after = is_after};
}

struct rank_bound rank_bound_name(struct bytes name, bool is_after)
{
    return (struct rank_bound){.order = RANK_BY_NAME, .name = name, .is_after = is_after};
}

struct rank_bound rank_bound_member(double score, struct bytes name, bool is_after)
{
    return (struct rank_bound){
        .order = RANK_BY_BOTH, .image = rank_image(score), .name = name, .is_after = is_after};
}

/* ---- searching ------------------------------------------------------------------------------- */

static void find_leaf(const struct rank_tree *tree, const struct rank_bound *bound,
                      struct path *path)
{
    uint64_t ref = tree->root;

    ASSERT(tree->height < HEIGHT_MAX);
    for (uint32_t level = 0; level < tree->height; level++) {
        struct rank_inner *inner = inner_at(tree, ref);
        unsigned child = rank_inner_find(slab_of(tree), inner, bound);

        path->steps[level].inner = inner;
        path->steps[level].child = child;
        ref = rank_number(inner->children[child]);
    }
    path->leaf_ref = ref;
    path->leaf = leaf_at(tree, ref);
}

uint64_t rank_tree_count_before(const struct rank_tree *tree, const struct rank_bound *bound)
{
    uint64_t ref = tree->root;
    uint64_t count = 0;

    if (ref == 0) {
        return 0;
    }
    for (uint32_t level = 0; level < tree->height; level++) {
        const struct rank_inner *inner = inner_at(tree, ref);
        unsigned child = rank_inner_find(slab_of(tree), inner, bound);

        ref = rank_number(inner->children[child]);
        prefetch(leaf_at(tree, ref));
        count += rank_inner_sum(inner, child);
    }
    return count + rank_leaf_count_before(slab_of(tree), leaf_at(tree, ref), bound);
}

struct rank_cursor rank_tree_seek(const struct rank_tree *tree, uint64_t rank)
{
    uint64_t ref = tree->root;

    ASSERT(rank < tree->count);
    for (uint32_t level = 0; level < tree->height; level++) {
        const struct rank_inner *inner = inner_at(tree, ref);
        unsigned child = 0;

        while (rank >= rank_number(inner->counts[child])) {
            rank -= rank_number(inner->counts[child]);
            child++;
        }
        ref = rank_number(inner->children[child]);
    }
    return (struct rank_cursor){.tree = tree, .leaf = ref, .index = (unsigned)rank};
}

static void fetch_ahead(const struct rank_cursor *cursor, const struct rank_leaf *leaf,
                        unsigned index)
{
    if (index < leaf->count) {
        prefetch(slab_at(slab_of(cursor->tree), rank_number(leaf->refs[index])));
    }
}

const struct member *rank_cursor_next(struct rank_cursor *cursor)
{
    const struct rank_leaf *leaf;
    uint64_t ref;

    if (cursor->leaf == 0) {
        return NULL;
    }
    leaf = leaf_at(cursor->tree, cursor->leaf);
    ref = rank_number(leaf->refs[cursor->index]);
    fetch_ahead(cursor, leaf, cursor->index + READ_AHEAD);
    if (++cursor->index == leaf->count) {
        cursor->leaf = rank_number(leaf->next);
        cursor->index = 0;
        prefetch(leaf_at(cursor->tree, cursor->leaf));
    }
    return slab_at(slab_of(cursor->tree), ref);
}

const struct member *rank_cursor_previous(struct rank_cursor *cursor)
{
    const struct rank_leaf *leaf;
    uint64_t ref;

    if (cursor->leaf == 0) {
        return NULL;
    }
    leaf = leaf_at(cursor->tree, cursor->leaf);
    ref = rank_number(leaf->refs[cursor->index]);
    fetch_ahead(cursor, leaf, cursor->index - READ_AHEAD);
    if (cursor->index-- == 0) {
        cursor->leaf = rank_number(leaf->previous);
        cursor->index =
            cursor->leaf == 0 ? 0 : (unsigned)leaf_at(cursor->tree, cursor->leaf)->count - 1;
    }
    return slab_at(slab_of(cursor->tree), ref);
}

/* ---- what is said of children ------------------------------------------------------------------ */

static void add_to_count(struct rank_inner *inner, unsigned child, int64_t change)
{
    rank_put_number(inner->counts[child], rank_number(inner->counts[child]) + (uint64_t)change);
}

static void add_to_counts(struct rank_tree *tree, const struct path *path, int64_t change)
{
    for (uint32_t level = 0; level < tree->height; level++) {
        add_to_count(path->steps[level].inner, path->steps[level].child, change);
    }
    tree->count += (uint64_t)change;
}

/* The first member below the child at that level of the path is another one now. */
static void put_first(const struct path *path, uint32_t level, uint64_t image, uint64_t ref)
{
    for (uint32_t i = level + 1; i > 0; i--) {
        rank_inner_put_first(path->steps[i - 1].inner, path->steps[i - 1].child, image, ref);
        if (path->steps[i - 1].child > 0) {
            return;
        }
    }
}

/* The same for a leaf, whichever child of the lowest inner node it is. */
static void note_first_of_leaf(const struct rank_tree *tree, const struct path *path)
{
    uint64_t ref = rank_number(path->leaf->refs[0]);

    if (tree->height > 0) {
        put_first(path, tree->height - 1, rank_image_at(slab_of(tree), ref), ref);
    }
}

/* Say of a child of an inner node, which is a leaf, all there is to say. */
static void describe_leaf(const struct rank_tree *tree, struct rank_inner *inner, unsigned child,
                          uint64_t leaf_ref)
{
    const struct rank_leaf *leaf = leaf_at(tree, leaf_ref);
    uint64_t first = rank_number(leaf->refs[0]);

    rank_put_number(inner->children[child], leaf_ref);
    rank_put_number(inner->counts[child], leaf->count);
    rank_inner_put_first(inner, child, rank_image_at(slab_of(tree), first), first);
}

static void describe_inner(const struct rank_tree *tree, struct rank_inner *parent, unsigned child,
                           uint64_t inner_ref)
{
    const struct rank_inner *inner = inner_at(tree, inner_ref);

    rank_put_number(parent->children[child], inner_ref);
    rank_put_number(parent->counts[child], rank_inner_sum(inner, (unsigned)inner->count));
    rank_inner_put_first(parent, child, inner->images[0], rank_number(inner->firsts[0]));
}

/* ---- making room ------------------------------------------------------------------------------- */

/* A new root above the old one. */
static void grow(struct rank_tree *tree)
{
    uint64_t ref = new_node(tree, sizeof(struct rank_inner));
    struct rank_inner *root = inner_at(tree, ref);

    root->count = 1;
    if (tree->height == 0) {
        describe_leaf(tree, root, 0, tree->root);
    } else {
        describe_inner(tree, root, 0, tree->root);
    }
    tree->root = ref;
    tree->height++;
}

/* Split the inner node at that level, whose parent has room.  Where members come in order the old
 * node stays nearly full. */
static void split_inner(struct rank_tree *tree, const struct path *path, uint32_t level)
{
    struct rank_inner *inner = path->steps[level].inner;
    struct rank_inner *parent = path->steps[level - 1].inner;
    unsigned child = path->steps[level - 1].child;
    uint64_t ref = new_node(tree, sizeof(struct rank_inner));
    unsigned kept = RANK_INNER_MAX / 2;

    if (path->steps[level].child == RANK_INNER_MAX - 1) {
        kept = RANK_INNER_MAX - 1;
    } else if (path->steps[level].child == 0) {
        kept = 1;
    }
    rank_inner_append(inner_at(tree, ref), inner, kept, RANK_INNER_MAX - kept);
    inner->count = kept;
    rank_put_number(parent->counts[child], rank_inner_sum(inner, kept));
    rank_inner_open(parent, child + 1);
    describe_inner(tree, parent, child + 1, ref);
}

/* Let the parent of the path's leaf have room for one child more.  False when something had to change: then
 * the path is void. */
static bool parent_has_room(struct rank_tree *tree, const struct path *path)
{
    uint32_t level = tree->height;

    while (level > 0 && path->steps[level - 1].inner->count == RANK_INNER_MAX) {
        level--;
    }
    if (level > 0 && level == tree->height) {
        return true;
    }
    if (level == 0) {
        grow(tree);
    } else {
        split_inner(tree, path, level);
    }
    return false;
}

static void link_behind(const struct rank_tree *tree, uint64_t ref, uint64_t new_ref)
{
    struct rank_leaf *leaf = leaf_at(tree, ref);
    struct rank_leaf *added = leaf_at(tree, new_ref);
    uint64_t next = rank_number(leaf->next);

    memcpy(added->next, leaf->next, sizeof(added->next));
    rank_put_number(added->previous, ref);
    rank_put_number(leaf->next, new_ref);
    if (next != 0) {
        rank_put_number(leaf_at(tree, next)->previous, new_ref);
    }
}

/* Two neighbours that are both full: a third one between them. */
static void split_two(struct rank_tree *tree, struct rank_inner *parent, unsigned left_child)
{
    uint64_t left_ref = rank_number(parent->children[left_child]);
    uint64_t right_ref = rank_number(parent->children[left_child + 1]);
    uint64_t ref = new_node(tree, sizeof(struct rank_leaf));
    struct rank_leaf *left = leaf_at(tree, left_ref);
    struct rank_leaf *right = leaf_at(tree, right_ref);

    rank_leaf_move_right(slab_of(tree), left, leaf_at(tree, ref), left->count / 3);
    rank_leaf_move_left(slab_of(tree), leaf_at(tree, ref), right, right->count / 3);
    link_behind(tree, left_ref, ref);
    rank_inner_open(parent, left_child + 1);
    describe_leaf(tree, parent, left_child, left_ref);
    describe_leaf(tree, parent, left_child + 1, ref);
    describe_leaf(tree, parent, left_child + 2, right_ref);
}

/* Half of a leaf without neighbours. */
static void split_one(struct rank_tree *tree, struct rank_inner *parent)
{
    uint64_t left_ref = rank_number(parent->children[0]);
    uint64_t ref = new_node(tree, sizeof(struct rank_leaf));
    struct rank_leaf *left = leaf_at(tree, left_ref);

    rank_leaf_move_right(slab_of(tree), left, leaf_at(tree, ref), left->count / 2);
    link_behind(tree, left_ref, ref);
    rank_inner_open(parent, 1);
    describe_leaf(tree, parent, 0, left_ref);
    describe_leaf(tree, parent, 1, ref);
}

/* Move members from the path's leaf to its neighbour, a child of the same parent, if that has room enough
 * for both to have some afterwards. */
static bool move_to_neighbour(struct rank_tree *tree, const struct path *path, bool to_left)
{
    struct rank_inner *parent = path->steps[tree->height - 1].inner;
    unsigned child = path->steps[tree->height - 1].child;
    unsigned other = to_left ? child - 1 : child + 1;
    struct rank_leaf *neighbour;
    unsigned room;

    if (to_left ? child == 0 : other == parent->count) {
        return false;
    }
    neighbour = leaf_at(tree, rank_number(parent->children[other]));
    room = RANK_LEAF_MAX - (unsigned)neighbour->count;
    if (room < 2) {
        return false;
    }
    if (to_left) {
        rank_leaf_move_left(slab_of(tree), neighbour, path->leaf, room / 2);
    } else {
        rank_leaf_move_right(slab_of(tree), path->leaf, neighbour, room / 2);
    }
    describe_leaf(tree, parent, child, path->leaf_ref);
    describe_leaf(tree, parent, other, rank_number(parent->children[other]));
    return true;
}

/* Do something so that a way to the full leaf finds one with room at last; the path is void. */
static void make_room(struct rank_tree *tree, const struct path *path)
{
    struct rank_inner *parent;
    unsigned child;

    if (tree->height > 0 &&
        (move_to_neighbour(tree, path, true) || move_to_neighbour(tree, path, false))) {
        return;
    }
    if (!parent_has_room(tree, path)) {
        return;
    }
    parent = path->steps[tree->height - 1].inner;
    child = path->steps[tree->height - 1].child;
    if (parent->count == 1) {
        split_one(tree, parent);
    } else {
        split_two(tree, parent, child > 0 ? child - 1 : 0);
    }
}

/* Is the place in a full leaf behind all members, or in front of all? */
static bool is_beyond(const struct path *path, unsigned index)
{
    return (index == RANK_LEAF_MAX && rank_number(path->leaf->next) == 0) ||
           (index == 0 && rank_number(path->leaf->previous) == 0);
}

/* Members often come in order.  There the full leaf is left full, and the member begins another one; the
 * parent has room. */
static void insert_beyond(struct rank_tree *tree, const struct path *path, unsigned index,
                          uint64_t ref)
{
    bool is_behind = index > 0;
    struct rank_inner *parent = path->steps[tree->height - 1].inner;
    unsigned child = path->steps[tree->height - 1].child + (is_behind ? 1 : 0);
    uint64_t leaf = new_node(tree, sizeof(struct rank_leaf));

    rank_leaf_insert(slab_of(tree), leaf_at(tree, leaf), 0, ref);
    if (is_behind) {
        link_behind(tree, path->leaf_ref, leaf);
    } else {
        rank_put_number(leaf_at(tree, leaf)->next, path->leaf_ref);
        rank_put_number(path->leaf->previous, leaf);
    }
    add_to_counts(tree, path, 1);
    rank_inner_open(parent, child);
    rank_put_number(parent->counts[is_behind ? child - 1 : child + 1], RANK_LEAF_MAX);
    describe_leaf(tree, parent, child, leaf);
    if (!is_behind) {
        put_first(path, tree->height - 1, rank_image_at(slab_of(tree), ref), ref);
    }
}

void rank_tree_insert(struct rank_tree *tree, const struct member *m)
{
    double score = member_score(m);
    struct rank_bound bound = rank_bound_member(score, member_name(m), false);
    uint64_t ref = slab_ref(slab_of(tree), m);
    struct path path;
    unsigned index;

    ASSERT(score == score); /* no NaN */
    if (tree->root == 0) {
        tree->root = new_node(tree, sizeof(struct rank_leaf));
    }
    for (;;) {
        find_leaf(tree, &bound, &path);
        index = rank_leaf_count_before(slab_of(tree), path.leaf, &bound);
        if (path.leaf->count < RANK_LEAF_MAX) {
            break;
        }
        if (!is_beyond(&path, index)) {
            make_room(tree, &path);
        } else if (parent_has_room(tree, &path)) {
            insert_beyond(tree, &path, index, ref);
            return;
        }
    }
    rank_leaf_insert(slab_of(tree), path.leaf, index, ref);
    add_to_counts(tree, &path, 1);
    if (index == 0) {
        note_first_of_leaf(tree, &path);
    }
}

/* ---- removing ---------------------------------------------------------------------------------- */

static void unlink_leaf(const struct rank_tree *tree, const struct rank_leaf *leaf)
{
    uint64_t next = rank_number(leaf->next);
    uint64_t previous = rank_number(leaf->previous);

    if (next != 0) {
        memcpy(leaf_at(tree, next)->previous, leaf->previous, sizeof(leaf->previous));
    }
    if (previous != 0) {
        memcpy(leaf_at(tree, previous)->next, leaf->next, sizeof(leaf->next));
    }
}

/* An inner node at that level has lost a child.  With few left its children go to its left neighbour, or
 * those of the right one come.  Returns whether the node above has lost a child by that. */
static bool merge_inner(struct rank_tree *tree, const struct path *path, uint32_t level)
{
    struct rank_inner *parent = path->steps[level - 1].inner;
    unsigned left = path->steps[level - 1].child;
    struct rank_inner *to;
    struct rank_inner *from;

    if (path->steps[level].inner->count >= INNER_MERGE_BELOW || parent->count == 1) {
        return false;
    }
    left -= left > 0 ? 1 : 0;
    to = inner_at(tree, rank_number(parent->children[left]));
    from = inner_at(tree, rank_number(parent->children[left + 1]));
    if (to->count + from->count > INNER_MERGED_MAX) {
        return false;
    }
    rank_inner_append(to, from, 0, (unsigned)from->count);
    free_node(tree, rank_number(parent->children[left + 1]));
    describe_inner(tree, parent, left, rank_number(parent->children[left]));
    rank_inner_erase(parent, left + 1, 1);
    return true;
}

/* The child at that level of the path is empty, and freed: take it out, and what is empty by that. */
static void remove_child(struct rank_tree *tree, const struct path *path)
{
    uint32_t level = tree->height;

    while (level > 0) {
        struct rank_inner *inner = path->steps[level - 1].inner;
        unsigned child = path->steps[level - 1].child;

        rank_inner_erase(inner, child, 1);
        if (inner->count > 0) {
            if (child == 0 && level > 1) {
                put_first(path, level - 2, inner->images[0], rank_number(inner->firsts[0]));
            }
            break;
        }
        free_node(tree, slab_ref(slab_of(tree), inner));
        level--;
    }
    while (level > 1 && merge_inner(tree, path, level - 1)) {
        level--;
    }
}

/* A leaf has lost members: the same with it and a neighbour. */
static void merge_leaf(struct rank_tree *tree, const struct path *path)
{
    struct rank_inner *parent = path->steps[tree->height - 1].inner;
    unsigned left = path->steps[tree->height - 1].child;
    struct rank_leaf *to;
    struct rank_leaf *from;

    if (parent->count == 1) {
        return;
    }
    left -= left > 0 ? 1 : 0;
    to = leaf_at(tree, rank_number(parent->children[left]));
    from = leaf_at(tree, rank_number(parent->children[left + 1]));
    if (to->count + from->count > LEAF_MERGED_MAX) {
        return;
    }
    rank_leaf_move_left(slab_of(tree), to, from, from->count);
    unlink_leaf(tree, from);
    free_node(tree, rank_number(parent->children[left + 1]));
    describe_leaf(tree, parent, left, rank_number(parent->children[left]));
    rank_inner_erase(parent, left + 1, 1);
    for (uint32_t level = tree->height - 1; level > 0 && merge_inner(tree, path, level); level--) {
    }
}

/* While the root has one child only, that is the root. */
static void shrink(struct rank_tree *tree)
{
    while (tree->height > 0 && inner_at(tree, tree->root)->count == 1) {
        uint64_t child = rank_number(inner_at(tree, tree->root)->children[0]);

        free_node(tree, tree->root);
        tree->root = child;
        tree->height--;
    }
}

void rank_tree_remove(struct rank_tree *tree, const struct member *m)
{
    struct rank_bound bound = rank_bound_member(member_score(m), member_name(m), true);
    struct path path;
    unsigned index;

    ASSERT(tree->count > 0);
    find_leaf(tree, &bound, &path);
    index = rank_leaf_count_before(slab_of(tree), path.leaf, &bound);
    ASSERT(index > 0);
    index--;
    ASSERT(rank_number(path.leaf->refs[index]) == slab_ref(slab_of(tree), m));
    rank_leaf_erase(path.leaf, index, 1);
    add_to_counts(tree, &path, -1);
    if (path.leaf->count == 0) {
        unlink_leaf(tree, path.leaf);
        free_node(tree, path.leaf_ref);
        if (tree->count == 0) {
            remove_child(tree, &path);
            tree->root = 0;
            tree->height = 0;
            return;
        }
        remove_child(tree, &path);
        shrink(tree);
        return;
    }
    if (index == 0) {
        note_first_of_leaf(tree, &path);
    }
    if (tree->height > 0 && path.leaf->count < LEAF_MERGE_BELOW) {
        merge_leaf(tree, &path);
        shrink(tree);
    }
}

/* ---- all of it --------------------------------------------------------------------------------- */

/* The last leaf, and what is empty without it. */
static void free_last_leaf(struct rank_tree *tree)
{
    uint64_t refs[HEIGHT_MAX + 1] = {tree->root};
    uint32_t level;

    for (level = 0; level < tree->height; level++) {
        const struct rank_inner *inner = inner_at(tree, refs[level]);

        refs[level + 1] = rank_number(inner->children[inner->count - 1]);
    }
    free_node(tree, refs[level]);
    for (; level > 0; level--) {
        struct rank_inner *inner = inner_at(tree, refs[level - 1]);

        inner->count--;
        if (inner->count > 0) {
            return;
        }
        free_node(tree, refs[level - 1]);
    }
    tree->root = 0;
    tree->height = 0;
    tree->count = 0;
}

bool rank_tree_free(struct rank_tree *tree, size_t *budget)
{
    while (tree->root != 0 && *budget > 0) {
        free_last_leaf(tree);
        (*budget)--;
    }
    return tree->root == 0;
}

/* Check what is below the node, and return how many members that are. */
static uint64_t check_node(const struct rank_tree *tree, uint64_t ref, uint32_t levels_below,
                           uint64_t *bytes)
{
    const struct rank_inner *inner = inner_at(tree, ref);
    uint64_t sum = 0;

    *bytes += slab_object_size(slab_of(tree), ref);
    if (levels_below == 0) {
        rank_leaf_check(slab_of(tree), leaf_at(tree, ref));
        return leaf_at(tree, ref)->count;
    }
    ASSERT(inner->count > 0 && inner->count <= RANK_INNER_MAX);
    for (unsigned i = 0; i < inner->count; i++) {
        uint64_t child = rank_number(inner->children[i]);
        uint64_t count = check_node(tree, child, levels_below - 1, bytes);
        const uint8_t *first =
            levels_below == 1 ? leaf_at(tree, child)->refs[0] : inner_at(tree, child)->firsts[0];

        ASSERT(rank_number(inner->counts[i]) == count);
        ASSERT(rank_number(inner->firsts[i]) == rank_number(first));
        ASSERT(inner->images[i] == rank_image_at(slab_of(tree), rank_number(first)));
        sum += count;
    }
    return sum;
}

/* Are the members in order along the leaves, and are all leaves linked both ways? */
static void check_order(const struct rank_tree *tree)
{
    struct rank_cursor cursor = rank_tree_seek(tree, 0);
    const struct member *previous = NULL;
    const struct member *m;
    uint64_t last_leaf = 0;
    uint64_t leaf = cursor.leaf;
    uint64_t count = 0;

    while (leaf != 0) {
        ASSERT(rank_number(leaf_at(tree, leaf)->previous) == last_leaf);
        last_leaf = leaf;
        leaf = rank_number(leaf_at(tree, leaf)->next);
    }
    while ((m = rank_cursor_next(&cursor)) != NULL) {
        if (previous != NULL) {
            struct rank_bound bound = rank_bound_member(member_score(m), member_name(m), false);

            ASSERT(rank_is_before(slab_of(tree), rank_image(member_score(previous)),
                                  slab_ref(slab_of(tree), previous), &bound));
        }
        previous = m;
        count++;
    }
    ASSERT(count == tree->count);
}

void rank_tree_check(const struct rank_tree *tree)
{
    uint64_t bytes = 0;

    if (tree->root == 0) {
        ASSERT(tree->count == 0 && tree->bytes == 0 && tree->height == 0);
        return;
    }
    ASSERT(check_node(tree, tree->root, tree->height, &bytes) == tree->count);
    ASSERT(bytes == tree->bytes);
    check_order(tree);
}
