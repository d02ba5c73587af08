/* SPDX-License-Identifier: MIT */
/* Three ways in: a straight one for a whole array that is well-formed, which is nearly every
 * request; a careful one that remembers how far it came and knows every error; and inline. */
#include "resp/request.h"

#include "base/assert.h"
#include "base/num.h"
#include "resp/line.h"

enum {
    SMALLEST_WORD = 6,     /* "$0\r\n\r\n" */
    FAST_DIGITS_LIMIT = 9, /* lengths with more digits go the careful way */
};

/* ---- the straight way ------------------------------------------------------------------------ */

/* Eight bytes as the machine reads them; of a literal, compilers make a constant. */
static inline uint64_t eight(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline bool is_line_end(const char *at)
{
    uint16_t two;
    uint16_t end;

    memcpy(&two, at, sizeof(two));
    memcpy(&end, "\r\n", sizeof(end));
    return two == end;
}

/* A canonical number and its line end; NULL when it is not there as a whole. */
static COLD const char *fast_number(const char *at, const char *end, uint32_t *out)
{
    const char *start = at;
    uint32_t value = 0;

    while (at < end && (unsigned char)(*at - '0') <= 9 && at - start < FAST_DIGITS_LIMIT) {
        value = value * 10 + (uint32_t)(*at - '0');
        at++;
    }
    if (end - at < 2 || at == start || (*start == '0' && at - start > 1) || !is_line_end(at)) {
        return NULL;
    }
    *out = value;
    return at + 2;
}

/* The length of a word and its line end; nearly all have one digit or two, seen at a glance. */
static inline const char *fast_length(const char *at, const char *end, uint32_t *out)
{
    if (LIKELY(end - at >= 8)) {
        uint64_t word = eight(at);
        uint32_t high = (uint32_t)(unsigned char)at[1] - '0';
        uint32_t low = (uint32_t)(unsigned char)at[2] - '0';

        if (high - 1 <= 8 && low <= 9 &&
            (word & eight("\xff\0\0\xff\xff\0\0")) == eight("$\0\0\r\n\0\0")) {
            *out = high * 10 + low;
            return at + 5;
        }
        if (high <= 9 && (word & eight("\xff\0\xff\xff\0\0\0")) == eight("$\0\r\n\0\0\0")) {
            *out = high;
            return at + 4;
        }
    }
    return at < end && *at == '$' ? fast_number(at + 1, end, out) : NULL;
}

/* The number of words and, when it and the length of the first word have one digit, that
 * length as well: *len is 0 when it is still to be read. */
static inline const char *fast_head(const char *at, const char *end, uint32_t *count, uint32_t *len)
{
    *len = 0;
    if (LIKELY(end - at >= 8 &&
               (eight(at) & eight("\xff\0\xff\xff\xff\0\xff\xff")) == eight("*\0\r\n$\0\r\n"))) {
        *count = (uint32_t)(unsigned char)at[1] - '0';
        *len = (uint32_t)(unsigned char)at[5] - '0';
        if (*count <= 9 && *len - 1 <= 8) {
            return at + 8;
        }
        *len = 0;
    }
    return *at == '*' ? fast_number(at + 1, end, count) : NULL;
}

/* True when all of a valid array was there; else nothing has happened. */
static bool read_fast(struct bytes in, const struct resp_limits *limits, struct resp_words *words,
                      struct resp_request *out)
{
    const char *at = in.data;
    const char *end = at + in.len;
    struct bytes *word;
    uint32_t count;
    uint32_t len;

    at = fast_head(at, end, &count, &len);
    /* Words that cannot all be there need no room yet; no word is longer than what is there. */
    if (at == NULL || count - 1 >= limits->max_args || (size_t)count * SMALLEST_WORD > in.len ||
        in.len > limits->max_bulk_bytes) {
        return false;
    }
    VEC_RESERVE(words, count);
    word = words->items + words->count;
    for (uint32_t i = 0; i < count; i++) {
        if (len == 0) {
            at = fast_length(at, end, &len);
            if (at == NULL) {
                return false;
            }
        }
        if ((size_t)(end - at) < (size_t)len + 2 || !is_line_end(at + len)) {
            return false;
        }
        word[i].data = at;
        word[i].len = len;
        at += len + 2;
        len = 0;
    }
    out->first_word = words->count;
    out->word_count = count;
    out->raw = bytes_prefix(in, (size_t)(at - in.data));
    out->is_inline = false;
    words->count += count;
    return true;
}

size_t resp_read_words(struct bytes in, struct bytes *out, size_t count)
{
    const char *at = in.data;
    const char *end = at + in.len;

    for (size_t i = 0; i < count; i++) {
        uint32_t len;

        at = fast_length(at, end, &len);
        if (at == NULL || (size_t)(end - at) < (size_t)len + 2 || !is_line_end(at + len)) {
            return 0;
        }
        out[i] = bytes_make(at, len);
        at += len + 2;
    }
    return (size_t)(at - in.data);
}

/* ---- the careful way ------------------------------------------------------------------------- */

static void forget(struct resp_reader *reader)
{
    reader->at = 0;
    reader->scanned = 0;
    reader->words_wanted = 0;
    VEC_DEINIT(&reader->spans);
}

static enum resp_status refuse(struct errmsg *error, const char *reason)
{
    errmsg_set(error, "ERR Protocol error: %s", reason);
    return RESP_ERROR;
}

/* The line of an array or bulk header at reader->at: its number behind the type byte. */
static enum resp_status read_count(struct resp_reader *reader, struct bytes in,
                                   const struct resp_limits *limits, struct resp_line *line,
                                   int64_t *out)
{
    enum resp_status status =
        resp_line_find(in, reader->at, &reader->scanned, limits->max_inline_bytes, line);

    if (status != RESP_OK) {
        return status;
    }
    if (!line->has_return || !num_parse_i64(bytes_from(line->text, 1), out)) {
        *out = INT64_MAX; /* beyond any limit */
    }
    return RESP_OK;
}

static enum resp_status read_array_header(struct resp_reader *reader, struct bytes in,
                                          const struct resp_limits *limits, struct errmsg *error)
{
    struct resp_line line;
    int64_t count = 0;
    enum resp_status status = read_count(reader, in, limits, &line, &count);

    if (status == RESP_ERROR) {
        return refuse(error, "too big mbulk count string");
    }
    if (status == RESP_MORE) {
        return RESP_MORE;
    }
    if (count > 0 && (uint64_t)count > limits->max_args) {
        bool would_fit = (uint64_t)count <= RESP_LIMITS_DEFAULT.max_args;

        return refuse(error, limits->is_unauthenticated && would_fit
                                 ? "unauthenticated multibulk length"
                                 : "invalid multibulk length");
    }
    reader->at = line.next;
    reader->words_wanted = count > 0 ? (uint64_t)count : 0;
    return RESP_OK;
}

static enum resp_status refuse_type_byte(struct errmsg *error, char byte)
{
    if (byte >= ' ' && byte <= '~') {
        errmsg_set(error, "ERR Protocol error: expected '$', got '%c'", byte);
    } else {
        errmsg_set(error, "ERR Protocol error: expected '$', got '\\x%02x'", (unsigned char)byte);
    }
    return RESP_ERROR;
}

static enum resp_status read_word(struct resp_reader *reader, struct bytes in,
                                  const struct resp_limits *limits, struct errmsg *error)
{
    struct resp_line line;
    struct resp_span span;
    int64_t len = 0;
    enum resp_status status;

    if (reader->at == in.len) {
        return RESP_MORE;
    }
    if (in.data[reader->at] != '$') {
        return refuse_type_byte(error, in.data[reader->at]);
    }
    status = read_count(reader, in, limits, &line, &len);
    if (status == RESP_ERROR) {
        return refuse(error, "too big bulk count string");
    }
    if (status == RESP_MORE) {
        return RESP_MORE;
    }
    if (len < 0 || (uint64_t)len > limits->max_bulk_bytes) {
        bool would_fit = len >= 0 && (uint64_t)len <= RESP_LIMITS_DEFAULT.max_bulk_bytes;

        return refuse(error, limits->is_unauthenticated && would_fit ? "unauthenticated bulk length"
                                                                     : "invalid bulk length");
    }
    span = (struct resp_span){.start = line.next, .len = (size_t)len};
    if (in.len - span.start < span.len || in.len - span.start - span.len < 2) {
        return RESP_MORE;
    }
    if (memcmp(in.data + span.start + span.len, "\r\n", 2) != 0) {
        return refuse(error, "expected a line end behind a bulk string");
    }
    VEC_PUSH(&reader->spans, span);
    reader->at = span.start + span.len + 2;
    return RESP_OK;
}

static COLD enum resp_status read_array(struct resp_reader *reader, struct bytes in,
                                        const struct resp_limits *limits, struct resp_words *words,
                                        struct errmsg *error)
{
    enum resp_status status = RESP_OK;

    if (reader->words_wanted == 0) {
        status = read_array_header(reader, in, limits, error);
    }
    while (status == RESP_OK && reader->spans.count < reader->words_wanted) {
        status = read_word(reader, in, limits, error);
    }
    if (status == RESP_OK) {
        VEC_RESERVE(words, reader->spans.count);
        for (size_t i = 0; i < reader->spans.count; i++) {
            const struct resp_span *span = &reader->spans.items[i];

            words->items[words->count++] = bytes_make(in.data + span->start, span->len);
        }
    }
    return status;
}

/* ---- inline ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Vertical tab and form feed part words only when they stand alone, as clients are used to. */
static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape at line[at] (a backslash) stands for; returns the escape's length. */
static size_t unescape(struct bytes line, size_t at, char *out)
{
    static const char names[] = "nrtba";
    static const char bytes[] = "\n\r\t\b\a";
    const char *name;

    if (line.len - at >= 4 && line.data[at + 1] == 'x') {
        int high = hex_digit(line.data[at + 2]);
        int low = hex_digit(line.data[at + 3]);

        if (high >= 0 && low >= 0) {
            *out = (char)(high * 16 + low);
            return 4;
        }
    }
    name = memchr(names, line.data[at + 1], sizeof(names) - 1);
    *out = name != NULL ? bytes[name - names] : line.data[at + 1];
    return 2;
}

/* Append what the quotes that open at line[*at] hold; false when they are not closed, or when
 * the word goes on behind them. */
static bool unquote(struct bytes line, size_t *at, struct buf *out)
{
    char quote = line.data[(*at)++];

    while (*at < line.len && line.data[*at] != quote) {
        char byte = line.data[*at];
        size_t used = 1;

        if (byte == '\\' && *at + 1 < line.len) {
            if (quote == '"') {
                used = unescape(line, *at, &byte);
            } else if (line.data[*at + 1] == '\'') {
                byte = '\'';
                used = 2;
            }
        }
        buf_append_byte(out, byte);
        *at += used;
    }
    if (*at == line.len) {
        return false;
    }
    (*at)++;
    return *at == line.len || is_blank(line.data[*at]);
}

/* A word with quotes from line[*at] on, into text, which has room and so does not move. */
static bool read_quoted_word(struct bytes line, size_t *at, struct buf *text, struct bytes *out)
{
    size_t start = text->len;

    while (*at < line.len && !ends_word(line.data[*at])) {
        if (line.data[*at] == '"' || line.data[*at] == '\'') {
            if (!unquote(line, at, text)) {
                return false;
            }
            break;
        }
        buf_append_byte(text, line.data[(*at)++]);
    }
    *out = bytes_from(buf_bytes(text), start);
    return true;
}

static bool split_line(struct resp_reader *reader, struct bytes line, struct resp_words *words)
{
    struct buf text = {0};
    bool is_balanced = true;
    size_t at = 0;

    for (;;) {
        struct bytes word;
        size_t end;

        while (at < line.len && is_blank(line.data[at])) {
            at++;
        }
        if (at == line.len) {
            break;
        }
        for (end = at; end < line.len && !ends_word(line.data[end]); end++) {
            if (line.data[end] == '"' || line.data[end] == '\'') {
                break;
            }
        }
        word = bytes_make(line.data + at, end - at);
        if (end < line.len && !ends_word(line.data[end])) {
            if (text.cap == 0) {
                buf_reserve(&text, line.len); /* unescaping never grows */
            }
            is_balanced = read_quoted_word(line, &at, &text, &word);
            if (!is_balanced) {
                break;
            }
        } else {
            at = end;
        }
        VEC_PUSH(words, word);
    }
    if (text.cap > 0) {
        VEC_PUSH(&reader->inline_texts, text);
    }
    return is_balanced;
}

static COLD enum resp_status read_inline(struct resp_reader *reader, struct bytes in,
                                         const struct resp_limits *limits, struct resp_words *words,
                                         struct errmsg *error)
{
    struct resp_line line;
    size_t nul;
    enum resp_status status =
        resp_line_find(in, 0, &reader->scanned, limits->max_inline_bytes, &line);

    if (status == RESP_ERROR) {
        return refuse(error, "too big inline request");
    }
    if (status == RESP_MORE) {
        return RESP_MORE;
    }
    nul = bytes_find_byte(line.text, '\0');
    if (nul != SIZE_MAX) {
        line.text.len = nul; /* text of a terminal ends there */
    }
    if (!split_line(reader, line.text, words)) {
        return refuse(error, "unbalanced quotes in request");
    }
    reader->at = line.next;
    return RESP_OK;
}

/* ---- public ---------------------------------------------------------------------------------- */

void resp_reader_deinit(struct resp_reader *reader)
{
    resp_reader_recycle(reader);
    VEC_DEINIT(&reader->inline_texts);
    VEC_DEINIT(&reader->spans);
    *reader = (struct resp_reader){0};
}

static COLD enum resp_status read_carefully(struct resp_reader *reader, struct bytes in,
                                            const struct resp_limits *limits,
                                            struct resp_words *words, struct resp_request *out,
                                            struct errmsg *error)
{
    size_t first_word = words->count;
    enum resp_status status;
    bool is_inline;

    if (in.len == 0) {
        return RESP_MORE;
    }
    ASSERT(reader->at <= in.len);
    is_inline = in.data[0] != '*';
    status = is_inline ? read_inline(reader, in, limits, words, error)
                       : read_array(reader, in, limits, words, error);
    if (status != RESP_OK) {
        words->count = first_word;
        return status;
    }
    *out = (struct resp_request){.first_word = first_word,
                                 .word_count = words->count - first_word,
                                 .raw = bytes_prefix(in, reader->at),
                                 .is_inline = is_inline};
    forget(reader);
    return RESP_OK;
}

enum resp_status resp_read_request(struct resp_reader *reader, struct bytes in,
                                   const struct resp_limits *limits, struct resp_words *words,
                                   struct resp_request *out, struct errmsg *error)
{
    if (LIKELY(reader->at == 0 && in.len > 0 && read_fast(in, limits, words, out))) {
        reader->scanned = 0;
        return RESP_OK;
    }
    return read_carefully(reader, in, limits, words, out, error);
}

void resp_reader_recycle(struct resp_reader *reader)
{
    for (size_t i = 0; i < reader->inline_texts.count; i++) {
        buf_deinit(&reader->inline_texts.items[i]);
    }
    reader->inline_texts.count = 0;
}
