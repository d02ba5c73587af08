/* SPDX-License-Identifier: MIT */
/* The quoting is that of lines at the keyboard. */
#include "cli/quoted.h"

#include "base/split.h"

#include <string.h>

bool quoted_decode(const char *word, struct buf *out)
{
    struct split split = {0};
    bool is_ok;

    if (word[0] != '"' && word[0] != '\'') {
        buf_append_text(out, word);
        return true;
    }
    is_ok = split_line(&split, bytes_from_text(word)) && split.words.count == 1;
    if (is_ok) {
        buf_append_bytes(out, split.words.items[0]);
    }
    split_deinit(&split);
    return is_ok;
}

bool quoted_escape(struct buf *out, unsigned char c)
{
    static const char escaped[] = "\\\"\n\r\t\b";
    static const char letters[] = "\\\"nrtb";
    const char *found = c != '\0' ? strchr(escaped, c) : NULL;

    if (found == NULL) {
        return false;
    }
    buf_append_byte(out, '\\');
    buf_append_byte(out, letters[found - escaped]);
    return true;
}

void quoted_encode(struct buf *out, struct bytes text)
{
    split_append_quoted(out, text);
}
