/* SPDX-License-Identifier: MIT */
/* One pass with a single point of return: when a literal fails after a star, only the last
 * star has to eat one byte more, since any earlier one could do no better. */
#include "base/glob.h"

#include <stddef.h>

static unsigned char folded(char c, bool nocase)
{
    return (unsigned char)(nocase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Match one byte against the class that starts behind '['; *used is its pattern length. */
static bool match_class(struct bytes pattern, char byte, bool nocase, size_t *used)
{
    bool negated = pattern.len > 0 && pattern.data[0] == '^';
    size_t at = negated ? 1 : 0;
    bool found = false;
    unsigned char c = folded(byte, nocase);

    while (at < pattern.len && pattern.data[at] != ']') {
        unsigned char low;
        unsigned char high;

        if (pattern.data[at] == '\\' && at + 1 < pattern.len) {
            at++;
        }
        low = folded(pattern.data[at], nocase);
        high = low;
        if (at + 2 < pattern.len && pattern.data[at + 1] == '-') {
            high = folded(pattern.data[at + 2], nocase);
            at += 2;
        }
        if (low > high) {
            unsigned char swap = low;

            low = high;
            high = swap;
        }
        found = found || (c >= low && c <= high);
        at++;
    }
    *used = at < pattern.len ? at + 1 : at;
    return found != negated;
}

/* Match the pattern's next element, not a star, against one byte. */
static bool match_one(struct bytes pattern, char byte, bool nocase, size_t *used)
{
    if (pattern.data[0] == '?') {
        *used = 1;
        return true;
    }
    if (pattern.data[0] == '[') {
        bool matched = match_class(bytes_from(pattern, 1), byte, nocase, used);

        *used += 1;
        return matched;
    }
    if (pattern.data[0] == '\\' && pattern.len >= 2) {
        *used = 2;
        return folded(pattern.data[1], nocase) == folded(byte, nocase);
    }
    *used = 1;
    return folded(pattern.data[0], nocase) == folded(byte, nocase);
}

static bool match(struct bytes pattern, struct bytes text, bool nocase)
{
    size_t p = 0;
    size_t t = 0;
    size_t star_p = 0;
    size_t star_t = 0;
    bool has_star = false;

    while (t < text.len) {
        size_t used;

        if (p < pattern.len && pattern.data[p] == '*') {
            star_p = ++p;
            star_t = t;
            has_star = true;
        } else if (p < pattern.len &&
                   match_one(bytes_from(pattern, p), text.data[t], nocase, &used)) {
            p += used;
            t++;
        } else if (has_star) {
            p = star_p;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

bool glob_match(struct bytes pattern, struct bytes text)
{
    return match(pattern, text, false);
}

bool glob_match_nocase(struct bytes pattern, struct bytes text)
{
    return match(pattern, text, true);
}
