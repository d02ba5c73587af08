/* SPDX-License-Identifier: MIT */
/* Three modes: editing, searching (ctrl-r) and completing (tab).  The latter two end with the
 * first key that is not theirs, which then has its usual meaning. */
#include "cli/edit.h"

#include "base/assert.h"
#include "cli/utf8.h"

#include <ctype.h>

enum {
    TEXT_COLUMNS_MIN = 8,
};

void edit_init(struct edit *edit, const struct history *history, edit_complete_fn *complete)
{
    *edit = (struct edit){.history = history, .complete = complete};
}

void edit_deinit(struct edit *edit)
{
    buf_deinit(&edit->text);
    buf_deinit(&edit->own_line);
    buf_deinit(&edit->query);
    buf_deinit(&edit->stem);
}

void edit_reset(struct edit *edit)
{
    buf_clear(&edit->text);
    buf_clear(&edit->own_line);
    buf_clear(&edit->query);
    edit->cursor = 0;
    edit->history_back = 0;
    edit->is_searching = false;
    edit->is_completing = false;
}

/* ---- changing the text ------------------------------------------------------------------------- */

static void set_text(struct edit *edit, struct bytes text)
{
    buf_clear(&edit->text);
    buf_append_bytes(&edit->text, text);
    edit->cursor = edit->text.len;
}

static void insert(struct edit *edit, struct bytes text)
{
    struct buf tail = {0};

    buf_append_bytes(&tail, bytes_from(buf_bytes(&edit->text), edit->cursor));
    edit->text.len = edit->cursor;
    buf_append_bytes(&edit->text, text);
    edit->cursor = edit->text.len;
    buf_append_bytes(&edit->text, buf_bytes(&tail));
    buf_deinit(&tail);
}

/* Remove [from, to); the cursor ends up at from. */
static void erase(struct edit *edit, size_t from, size_t to)
{
    ASSERT(from <= to && to <= edit->text.len);
    if (from < to) {
        memmove(edit->text.data + from, edit->text.data + to, edit->text.len - to);
        edit->text.len -= to - from;
    }
    edit->cursor = from;
}

static size_t word_left(const struct edit *edit)
{
    size_t at = edit->cursor;

    while (at > 0 && isspace((unsigned char)edit->text.data[at - 1]) != 0) {
        at--;
    }
    while (at > 0 && isspace((unsigned char)edit->text.data[at - 1]) == 0) {
        at--;
    }
    return at;
}

static size_t word_right(const struct edit *edit)
{
    size_t at = edit->cursor;

    while (at < edit->text.len && isspace((unsigned char)edit->text.data[at]) != 0) {
        at++;
    }
    while (at < edit->text.len && isspace((unsigned char)edit->text.data[at]) == 0) {
        at++;
    }
    return at;
}

/* The character under the cursor and the one before it; at the end of the line, the last two. */
static void swap(struct edit *edit)
{
    struct bytes text = buf_bytes(&edit->text);
    size_t middle = edit->cursor == text.len ? utf8_previous(text, text.len) : edit->cursor;
    size_t start = utf8_previous(text, middle);
    size_t end = utf8_next(text, middle);
    struct buf swapped = {0};

    if (middle == 0) {
        return;
    }
    buf_append(&swapped, text.data + middle, end - middle);
    buf_append(&swapped, text.data + start, middle - start);
    memcpy(edit->text.data + start, swapped.data, swapped.len);
    edit->cursor = end;
    buf_deinit(&swapped);
}

static void browse(struct edit *edit, bool is_back)
{
    const char *line;

    if (edit->history_back == 0) {
        buf_clear(&edit->own_line);
        buf_append_bytes(&edit->own_line, buf_bytes(&edit->text));
    }
    if (is_back) {
        if (history_at(edit->history, edit->history_back) == NULL) {
            return;
        }
        edit->history_back++;
    } else if (edit->history_back == 0) {
        return;
    } else {
        edit->history_back--;
    }
    if (edit->history_back == 0) {
        set_text(edit, buf_bytes(&edit->own_line));
        return;
    }
    line = history_at(edit->history, edit->history_back - 1);
    ASSERT(line != NULL);
    set_text(edit, bytes_from_text(line));
}

/* ---- searching --------------------------------------------------------------------------------- */

static void search_from(struct edit *edit, size_t back)
{
    size_t found =
        edit->query.len > 0 ? history_find(edit->history, buf_bytes(&edit->query), back) : SIZE_MAX;

    if (found != SIZE_MAX) {
        edit->found_back = found;
        set_text(edit, bytes_from_text(history_at(edit->history, found)));
    }
}

static void begin_search(struct edit *edit)
{
    buf_clear(&edit->own_line);
    buf_append_bytes(&edit->own_line, buf_bytes(&edit->text));
    buf_clear(&edit->query);
    edit->is_searching = true;
    edit->found_back = SIZE_MAX;
}

/* True when the key was one of the search. */
static bool search_key(struct edit *edit, const struct key *key)
{
    if (key->kind == KEY_SEARCH) {
        search_from(edit, edit->found_back == SIZE_MAX ? 0 : edit->found_back + 1);
        return true;
    }
    if (key->kind == KEY_TEXT || key->kind == KEY_BACKSPACE) {
        if (key->kind == KEY_TEXT) {
            buf_append_bytes(&edit->query, key->text);
        } else {
            edit->query.len = utf8_previous(buf_bytes(&edit->query), edit->query.len);
            edit->found_back = SIZE_MAX;
        }
        search_from(edit, edit->found_back == SIZE_MAX ? 0 : edit->found_back);
        return true;
    }
    edit->is_searching = false;
    if (key->kind == KEY_CANCEL || key->kind == KEY_INTERRUPT || key->kind == KEY_ESCAPE) {
        set_text(edit, buf_bytes(&edit->own_line));
        return true;
    }
    return key->kind == KEY_IGNORED;
}

/* ---- completing -------------------------------------------------------------------------------- */

static void show_completion(struct edit *edit, size_t n)
{
    struct buf line = {0};

    if (edit->complete(buf_bytes(&edit->stem), n, &line)) {
        edit->completion = n;
        set_text(edit, buf_bytes(&line));
    } else { /* behind the last: what was there at first, then from the start */
        edit->completion = SIZE_MAX;
        set_text(edit, buf_bytes(&edit->stem));
    }
    buf_deinit(&line);
}

static size_t count_completions(const struct edit *edit)
{
    struct buf line = {0};
    size_t count = 0;

    while (edit->complete(buf_bytes(&edit->stem), count, &line)) {
        buf_clear(&line);
        count++;
    }
    buf_deinit(&line);
    return count;
}

static void complete_key(struct edit *edit, bool is_back)
{
    if (edit->complete == NULL || edit->cursor != edit->text.len) {
        return;
    }
    if (!edit->is_completing) {
        edit->is_completing = true;
        buf_clear(&edit->stem);
        buf_append_bytes(&edit->stem, buf_bytes(&edit->text));
        edit->completion = SIZE_MAX;
    }
    if (is_back) {
        size_t count = count_completions(edit);

        show_completion(edit, edit->completion == SIZE_MAX ? count - 1 : edit->completion - 1);
    } else {
        show_completion(edit, edit->completion + 1);
    }
}

/* ---- keys -------------------------------------------------------------------------------------- */

static void move_key(struct edit *edit, enum key_kind kind)
{
    struct bytes text = buf_bytes(&edit->text);

    if (kind == KEY_LEFT) {
        edit->cursor = utf8_previous(text, edit->cursor);
    } else if (kind == KEY_RIGHT) {
        edit->cursor = utf8_next(text, edit->cursor);
    } else if (kind == KEY_WORD_LEFT) {
        edit->cursor = word_left(edit);
    } else if (kind == KEY_WORD_RIGHT) {
        edit->cursor = word_right(edit);
    } else {
        edit->cursor = kind == KEY_HOME ? 0 : text.len;
    }
}

static void delete_key(struct edit *edit, enum key_kind kind)
{
    struct bytes text = buf_bytes(&edit->text);

    if (kind == KEY_BACKSPACE) {
        erase(edit, utf8_previous(text, edit->cursor), edit->cursor);
    } else if (kind == KEY_KILL_TO_END) {
        erase(edit, edit->cursor, text.len);
    } else if (kind == KEY_KILL_LINE) {
        erase(edit, 0, text.len);
    } else if (kind == KEY_KILL_WORD) {
        erase(edit, word_left(edit), edit->cursor);
    } else {
        erase(edit, edit->cursor, utf8_next(text, edit->cursor));
    }
}

static enum edit_outcome plain_key(struct edit *edit, const struct key *key)
{
    switch (key->kind) {
    case KEY_ENTER:
        return EDIT_LINE;
    case KEY_INTERRUPT:
        return EDIT_INTERRUPTED;
    case KEY_CLEAR_SCREEN:
        return EDIT_CLEAR_SCREEN;
    case KEY_DELETE_OR_END:
        if (edit->text.len == 0) {
            return EDIT_END;
        }
        delete_key(edit, KEY_DELETE);
        break;
    case KEY_TEXT:
        insert(edit, key->text);
        break;
    case KEY_TAB:
    case KEY_BACK_TAB:
        complete_key(edit, key->kind == KEY_BACK_TAB);
        break;
    case KEY_BACKSPACE:
    case KEY_DELETE:
    case KEY_KILL_TO_END:
    case KEY_KILL_LINE:
    case KEY_KILL_WORD:
        delete_key(edit, key->kind);
        break;
    case KEY_LEFT:
    case KEY_RIGHT:
    case KEY_WORD_LEFT:
    case KEY_WORD_RIGHT:
    case KEY_HOME:
    case KEY_END:
        move_key(edit, key->kind);
        break;
    case KEY_UP:
    case KEY_DOWN:
        browse(edit, key->kind == KEY_UP);
        break;
    case KEY_SWAP:
        swap(edit);
        break;
    case KEY_SEARCH:
        begin_search(edit);
        break;
    case KEY_ESCAPE:
    case KEY_CANCEL:
    case KEY_IGNORED:
        break;
    }
    return EDIT_GOES_ON;
}

enum edit_outcome edit_key(struct edit *edit, const struct key *key)
{
    if (edit->is_searching && search_key(edit, key)) {
        return EDIT_GOES_ON;
    }
    if (edit->is_completing && key->kind != KEY_TAB && key->kind != KEY_BACK_TAB) {
        edit->is_completing = false;
        if (key->kind == KEY_ESCAPE) {
            set_text(edit, buf_bytes(&edit->stem));
        }
    }
    return plain_key(edit, key);
}

/* ---- drawing ----------------------------------------------------------------------------------- */

/* Append the characters of text that fit into columns; returns how many columns they take. */
static size_t draw_text(struct buf *out, struct bytes text, size_t columns)
{
    size_t used = 0;
    size_t at = 0;

    while (at < text.len) {
        struct utf8_char c = utf8_decode(bytes_from(text, at));
        size_t width = utf8_width(c.code);

        if (used + width > columns) {
            break;
        }
        if (!c.is_valid || c.code < 0x20 || c.code == 0x7f) {
            buf_append_byte(out, '?');
        } else {
            buf_append(out, text.data + at, c.len);
        }
        used += width;
        at += c.len;
    }
    return used;
}

/* Where the visible part of the line begins, so that the cursor is in it. */
static size_t first_visible(const struct edit *edit, size_t columns)
{
    struct bytes text = bytes_prefix(buf_bytes(&edit->text), edit->cursor);
    size_t from = 0;

    while (utf8_text_width(bytes_from(text, from)) >= columns) {
        from = utf8_next(text, from);
    }
    return from;
}

static void draw(const struct edit *edit, const struct edit_view *view, struct buf *out,
                 bool is_end)
{
    struct buf prompt = {0};
    size_t prompt_columns;
    size_t columns;
    size_t from;
    size_t used;
    size_t cursor_column;

    if (edit->is_searching) {
        buf_printf(&prompt, "(reverse-i-search)`%.*s': ", (int)edit->query.len, edit->query.data);
    } else {
        buf_append_text(&prompt, view->prompt);
    }
    prompt_columns = utf8_text_width(buf_bytes(&prompt));
    columns = view->columns > prompt_columns + TEXT_COLUMNS_MIN ? view->columns - prompt_columns
                                                                : TEXT_COLUMNS_MIN;
    from = first_visible(edit, columns);
    buf_append_byte(out, '\r');
    buf_append_bytes(out, buf_bytes(&prompt));
    used = draw_text(out, bytes_from(buf_bytes(&edit->text), from), columns - 1);
    if (!is_end && view->hint.len > 0 && edit->cursor == edit->text.len && !edit->is_searching) {
        buf_append_text(out, view->has_colour ? "\x1b[90m" : "");
        (void)draw_text(out, view->hint, columns - 1 - used);
        buf_append_text(out, view->has_colour ? "\x1b[0m" : "");
    }
    buf_append_text(out, "\x1b[0K");
    cursor_column = prompt_columns +
                    utf8_text_width(bytes_make(edit->text.len > 0 ? edit->text.data + from : NULL,
                                               edit->cursor - from));
    if (!is_end) {
        buf_printf(out, "\r\x1b[%zuC", cursor_column);
    }
    buf_deinit(&prompt);
}

void edit_draw(const struct edit *edit, const struct edit_view *view, struct buf *out)
{
    draw(edit, view, out, false);
}

void edit_draw_end(const struct edit *edit, const struct edit_view *view, struct buf *out)
{
    draw(edit, view, out, true);
}
