/* SPDX-License-Identifier: MIT */
/* Escape sequences: ESC [ parameters letter, ESC O letter, ESC letter. */
#include "cli/keys.h"

#include "cli/utf8.h"

enum {
    ESCAPE = 0x1b,
    SEQUENCE_MAX = 32, /* anything longer is no sequence */
};

static enum key_kind control_key(unsigned char c)
{
    static const enum key_kind kinds[32] = {
        ['a' & 31] = KEY_HOME,          ['b' & 31] = KEY_LEFT,        ['c' & 31] = KEY_INTERRUPT,
        ['d' & 31] = KEY_DELETE_OR_END, ['e' & 31] = KEY_END,         ['f' & 31] = KEY_RIGHT,
        ['g' & 31] = KEY_CANCEL,        ['h' & 31] = KEY_BACKSPACE,   ['i' & 31] = KEY_TAB,
        ['j' & 31] = KEY_ENTER,         ['k' & 31] = KEY_KILL_TO_END, ['l' & 31] = KEY_CLEAR_SCREEN,
        ['m' & 31] = KEY_ENTER,         ['n' & 31] = KEY_DOWN,        ['p' & 31] = KEY_UP,
        ['r' & 31] = KEY_SEARCH,        ['t' & 31] = KEY_SWAP,        ['u' & 31] = KEY_KILL_LINE,
        ['w' & 31] = KEY_KILL_WORD,
    };

    return c == 0x7f ? KEY_BACKSPACE : kinds[c];
}

/* The last byte of a sequence, and the number in front of it. */
static enum key_kind sequence_key(char last, struct bytes parameters)
{
    bool is_word = bytes_equal_text(parameters, "1;5") || bytes_equal_text(parameters, "1;3");

    switch (last) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return is_word ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return is_word ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    case 'Z':
        return KEY_BACK_TAB;
    case '~':
        if (bytes_equal_text(parameters, "1") || bytes_equal_text(parameters, "7")) {
            return KEY_HOME;
        }
        if (bytes_equal_text(parameters, "4") || bytes_equal_text(parameters, "8")) {
            return KEY_END;
        }
        return bytes_equal_text(parameters, "3") ? KEY_DELETE : KEY_IGNORED;
    default:
        return KEY_IGNORED;
    }
}

static size_t decode_escape(struct bytes in, bool is_final, struct key *out)
{
    if (in.len == 1) {
        out->kind = KEY_ESCAPE;
        return is_final ? 1 : 0;
    }
    switch (in.data[1]) {
    case 'b':
        out->kind = KEY_WORD_LEFT;
        return 2;
    case 'f':
        out->kind = KEY_WORD_RIGHT;
        return 2;
    case 0x7f:
        out->kind = KEY_KILL_WORD;
        return 2;
    case '[':
    case 'O':
        break;
    default:
        out->kind = KEY_IGNORED;
        return 2;
    }
    for (size_t i = 2; i < in.len && i < SEQUENCE_MAX; i++) {
        if (in.data[i] >= 0x40 && in.data[i] <= 0x7e) {
            out->kind = sequence_key(in.data[i], bytes_make(in.data + 2, i - 2));
            return i + 1;
        }
    }
    out->kind = KEY_IGNORED;
    return is_final || in.len >= SEQUENCE_MAX ? in.len : 0;
}

size_t key_decode(struct bytes in, bool is_final, struct key *out)
{
    unsigned char first;
    struct utf8_char character;

    *out = (struct key){.kind = KEY_IGNORED};
    if (in.len == 0) {
        return 0;
    }
    first = (unsigned char)in.data[0];
    if (first == ESCAPE) {
        return decode_escape(in, is_final, out);
    }
    if (first < 0x20 || first == 0x7f) {
        out->kind = control_key(first);
        return 1;
    }
    character = utf8_decode(in);
    if (!character.is_valid && first >= 0xc0 && in.len < 4 && !is_final) {
        return 0; /* the rest of a character may still come */
    }
    out->kind = KEY_TEXT;
    out->text = bytes_prefix(in, character.len);
    return character.len;
}
