/* SPDX-License-Identifier: MIT */
/* Twice the same way through the files: once to check, once to make requests. */
#include "cli/import_source.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/aof_manifest.h"
#include "cli/pipe_cluster.h"
#include "resp/writer.h"
#include "spec/slot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAPPED_BYTES =
        16 * 1024 * 1024, /* of a mapping that may be in memory behind where it is read */
    STEP_BYTES = 64 * 1024,
    PAYLOAD_KEEP = 1024 * 1024,
    MANIFEST_MAX = 1024 * 1024,
};

static const struct resp_limits limits = {
    .max_args = 1024 * 1024 * 16,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 8,
};

/* What is before this byte of the file is not needed for now. */
static void give_back(struct import_file *file, size_t at)
{
    if (file->mapped.len > 0 && at >= file->given_back + MAPPED_BYTES) {
        (void)madvise((void *)((uintptr_t)file->mapped.data + file->given_back), MAPPED_BYTES,
                      MADV_DONTNEED);
        file->given_back += MAPPED_BYTES;
    }
}

/* ---- requests of an AOF ------------------------------------------------------------------------- */

enum found {
    FOUND_REQUEST,
    FOUND_END,
    FOUND_CUT, /* the file ends in it */
    FOUND_BAD,
};

/* A line that says when what follows was written; its length, or 0 when it is not whole. */
static size_t annotation_length(struct bytes rest)
{
    size_t end = bytes_find_byte(rest, '\n');

    return end == SIZE_MAX ? 0 : end + 1;
}

/* The next one of the file, from source->at on, which moves behind it. */
static enum found next_request(struct import_source *source, const struct import_file *file,
                               struct resp_request *request, struct errmsg *error)
{
    for (;;) {
        struct bytes rest = bytes_from(file->bytes, source->at);
        enum resp_status status;
        size_t annotation;

        if (rest.len == 0) {
            return FOUND_END;
        }
        if (rest.data[0] == '#') {
            annotation = annotation_length(rest);
            if (annotation == 0) {
                return FOUND_CUT;
            }
            source->at += annotation;
            continue;
        }
        if (rest.data[0] != '*') {
            errmsg_set(error, "%s: at byte %zu is no request", file->path, source->at);
            return FOUND_BAD;
        }
        source->words.count = 0;
        resp_reader_recycle(&source->reader);
        status = resp_read_request(&source->reader, rest, &limits, &source->words, request, error);
        if (status == RESP_MORE) {
            resp_reader_deinit(&source->reader);
            return FOUND_CUT;
        }
        if (status == RESP_ERROR) {
            errmsg_wrap(error, "%s: at byte %zu is no request", file->path, source->at);
            return FOUND_BAD;
        }
        source->at += request->raw.len;
        if (request->word_count > 0) {
            return FOUND_REQUEST;
        }
    }
}

static bool is_named(const struct bytes *words, const char *name)
{
    return bytes_equal_nocase(words[0], name);
}

/* The database that a SELECT names; -1: it is none. */
static int64_t selected(const struct bytes *words, size_t count)
{
    int64_t db;

    return count == 2 && is_named(words, "SELECT") && num_parse_i64(words[1], &db) && db >= 0 ? db
                                                                                              : -1;
}

/* Nothing but connections is changed by it: in a cluster it goes without. */
static bool is_frame(const struct bytes *words)
{
    return is_named(words, "SELECT") || is_named(words, "MULTI") || is_named(words, "EXEC") ||
           is_named(words, "PING");
}

/* ---- checking ----------------------------------------------------------------------------------- */

static void note_db(struct import_facts *facts, uint64_t db)
{
    facts->greatest_db = db > facts->greatest_db ? db : facts->greatest_db;
}

static bool check_rdb(struct import_source *source, struct import_file *file, struct errmsg *error)
{
    struct import_facts *facts = &source->facts;
    struct rdb_skim skim;
    struct rdb_record record;
    enum rdb_skim_step step = RDB_SKIM_DAMAGED;

    if (rdb_skim_init(&skim, file->bytes, error)) {
        while ((step = rdb_skim_next(&skim, &record, error)) == RDB_SKIM_RECORD) {
            facts->records++;
            note_db(facts, record.db);
            give_back(file, skim.d.at);
        }
    }
    source->at = file->bytes.len - rdb_skim_rest(&skim).len;
    facts->libraries += skim.skipped_libraries;
    facts->modules += skim.skipped_modules;
    rdb_skim_deinit(&skim);
    if (step != RDB_SKIM_END) {
        errmsg_wrap(error, "%s", file->path);
        return false;
    }
    return true;
}

static void note_request(struct import_source *source, const struct import_file *file,
                         const struct resp_request *request)
{
    const struct bytes *words = source->words.items + request->first_word;
    struct import_facts *facts = &source->facts;
    int64_t db = selected(words, request->word_count);

    facts->requests++;
    if (db > 0) {
        note_db(facts, (uint64_t)db);
    }
    if (facts->unspreadable.text[0] == '\0' && !is_frame(words) &&
        pipe_cluster_slot(words, request->word_count) == SLOT_COUNT) {
        errmsg_set(&facts->unspreadable, "%s has %.*s at byte %zu, which names no key", file->path,
                   words[0].len < 40 ? (int)words[0].len : 40, words[0].data,
                   source->at - request->raw.len);
    }
}

/* What is behind this byte of the last file does not count. */
static void cut(struct import_source *source, struct import_file *file, size_t at)
{
    errmsg_set(&source->facts.cut, "%s ends in the middle of a %s: its last %zu bytes are left out",
               file->path, at < source->at ? "transaction" : "request", file->bytes.len - at);
    file->bytes = bytes_prefix(file->bytes, at);
}

static bool check_aof(struct import_source *source, struct import_file *file, bool is_last,
                      struct errmsg *error)
{
    size_t multi_at = SIZE_MAX;
    enum found found;
    struct resp_request request;

    source->facts.has_aof = true;
    while ((found = next_request(source, file, &request, error)) == FOUND_REQUEST) {
        const struct bytes *words = source->words.items + request.first_word;

        if (is_named(words, "MULTI")) {
            multi_at = source->at - request.raw.len;
        } else if (is_named(words, "EXEC")) {
            multi_at = SIZE_MAX;
        }
        note_request(source, file, &request);
        give_back(file, source->at);
    }
    if (found == FOUND_BAD) {
        return false;
    }
    if (found == FOUND_END && multi_at == SIZE_MAX) {
        return true;
    }
    if (!is_last) {
        errmsg_set(error, "%s ends in the middle of a request, and others follow it: it is damaged",
                   file->path);
        return false;
    }
    cut(source, file, multi_at != SIZE_MAX ? multi_at : source->at);
    return true;
}

bool import_source_check(struct import_source *source, struct errmsg *error)
{
    bool is_ok = true;

    /* Of several files of a log any may be; a server never leaves one alone like that. */
    if (source->files.count == 1 && source->files.items[0].bytes.len == 0) {
        errmsg_set(error, "%s is empty: there is nothing to import", source->files.items[0].path);
        return false;
    }
    for (size_t i = 0; is_ok && i < source->files.count; i++) {
        struct import_file *file = &source->files.items[i];
        bool is_last = i + 1 == source->files.count;

        source->at = 0;
        file->given_back = 0;
        source->facts.total_bytes += file->bytes.len;
        if (rdb_skim_is_rdb(file->bytes)) {
            is_ok = check_rdb(source, file, error);
        }
        if (is_ok && source->at < file->bytes.len) {
            is_ok = check_aof(source, file, is_last, error);
        }
        file->given_back = 0;
    }
    source->at = 0;
    source->db = -1;
    return is_ok;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void make_request(struct import_source *source, const struct bytes *words, size_t count,
                         struct buf *out)
{
    resp_write_request(out, words, count);
    source->made++;
}

static void select_db(struct import_source *source, int64_t db, struct buf *out)
{
    char digits[NUM_I64_TEXT];
    struct bytes words[] = {BYTES_LITERAL("SELECT"),
                            bytes_make(digits, num_format_i64(digits, db))};

    if (source->db != db && !source->is_for_cluster) {
        make_request(source, words, ARRAY_COUNT(words), out);
        source->db = db;
    }
}

static void restore(struct import_source *source, const struct rdb_record *record, struct buf *out)
{
    char digits[NUM_I64_TEXT];
    bool has_expiry = record->expire_at_ms != RDB_SKIM_NEVER;
    struct bytes words[6] = {BYTES_LITERAL("RESTORE"), record->key};
    size_t count = 4;

    select_db(source, (int64_t)record->db, out);
    buf_clear(&source->payload);
    buf_shrink_when_empty(&source->payload, PAYLOAD_KEEP);
    rdb_skim_write_payload(&source->skim, record, &source->payload);
    words[2] = bytes_make(digits, num_format_i64(digits, has_expiry ? record->expire_at_ms : 0));
    words[3] = buf_bytes(&source->payload);
    if (has_expiry) {
        words[count++] = BYTES_LITERAL("ABSTTL");
    }
    if (source->replaces) {
        words[count++] = BYTES_LITERAL("REPLACE");
    }
    make_request(source, words, count, out);
}

/* One record; false at the end of the RDB. */
static bool next_record(struct import_source *source, struct buf *out)
{
    struct rdb_record record;
    struct errmsg error = {0};
    enum rdb_skim_step step = rdb_skim_next(&source->skim, &record, &error);

    ASSERT(step != RDB_SKIM_DAMAGED); /* it was checked */
    if (step == RDB_SKIM_RECORD) {
        restore(source, &record, out);
    }
    return step == RDB_SKIM_RECORD;
}

/* Who has trimmed a stream about so far writes down exactly how far, and leaves the LIMIT that was given: a server takes
 * both from its own file only.  Where "LIMIT count" stands; 0: nowhere. */
static size_t find_limit(const struct bytes *words, size_t count)
{
    size_t at = 2; /* behind the key */

    if (!is_named(words, "XADD") && !is_named(words, "XTRIM")) {
        return 0;
    }
    at += at < count && bytes_equal_nocase(words[at], "NOMKSTREAM");
    if (at + 3 >= count ||
        (!bytes_equal_nocase(words[at], "MAXLEN") && !bytes_equal_nocase(words[at], "MINID"))) {
        return 0;
    }
    at++;
    if (bytes_equal_text(words[at], "~")) {
        return 0; /* it may stay */
    }
    at += bytes_equal_text(words[at], "=") ? 2 : 1;
    return at + 1 < count && bytes_equal_nocase(words[at], "LIMIT") ? at : 0;
}

static void pass_on(struct import_source *source, const struct resp_request *request,
                    struct buf *out)
{
    struct bytes *words = source->words.items + request->first_word;
    size_t count = request->word_count;
    size_t limit = find_limit(words, count);

    if (limit == 0) {
        buf_append_bytes(out, request->raw);
        source->made++;
        return;
    }
    memmove(words + limit, words + limit + 2, (count - limit - 2) * sizeof(*words));
    make_request(source, words, count - 2, out);
}

/* One request of the AOF; false at its end. */
static bool next_of_aof(struct import_source *source, const struct import_file *file,
                        struct buf *out)
{
    struct resp_request request;
    struct errmsg error = {0};
    const struct bytes *words;
    int64_t db;

    if (next_request(source, file, &request, &error) != FOUND_REQUEST) {
        return false;
    }
    words = source->words.items + request.first_word;
    if (source->is_for_cluster && is_frame(words)) {
        return true;
    }
    db = selected(words, request.word_count);
    source->db = db >= 0 ? db : source->db;
    pass_on(source, &request, out);
    return true;
}

static void begin_file(struct import_source *source, const struct import_file *file)
{
    struct errmsg error = {0};

    source->at = 0;
    source->is_in_rdb = rdb_skim_is_rdb(file->bytes);
    if (source->is_in_rdb && !rdb_skim_init(&source->skim, file->bytes, &error)) {
        source->is_in_rdb = false;
    }
}

/* Of the file; false when it is done. */
static bool next_of_file(struct import_source *source, const struct import_file *file,
                         struct buf *out)
{
    if (source->is_in_rdb) {
        if (next_record(source, out)) {
            source->at = file->bytes.len - rdb_skim_rest(&source->skim).len;
            return true;
        }
        source->at = file->bytes.len - rdb_skim_rest(&source->skim).len;
        source->is_in_rdb = false;
        rdb_skim_deinit(&source->skim);
        if (source->at < file->bytes.len) {
            select_db(source, 0, out); /* as who loads an AOF begins */
        }
        return true;
    }
    if (source->at == 0 && file->bytes.len > 0) {
        select_db(source, 0, out);
    }
    return next_of_aof(source, file, out);
}

bool import_source_next(struct import_source *source, struct buf *out)
{
    size_t before = out->len;

    while (source->file < source->files.count && out->len - before < STEP_BYTES) {
        struct import_file *file = &source->files.items[source->file];

        give_back(file, source->at);
        if (source->at == 0 && !source->is_in_rdb) {
            begin_file(source, file);
        }
        if (!next_of_file(source, file, out)) {
            source->done_bytes += file->bytes.len;
            source->file++;
            source->at = 0;
        }
    }
    return out->len > before;
}

/* ---- files -------------------------------------------------------------------------------------- */

void import_source_add(struct import_source *source, const char *name, struct bytes bytes)
{
    struct import_file file = {.path = mem_strdup(MEM_CLI, name), .bytes = bytes};

    VEC_PUSH(&source->files, file);
}

static bool fail(const char *path, struct errmsg *error)
{
    errmsg_set(error, "%s: %s", path, strerror(errno));
    return false;
}

static bool map_file(struct import_source *source, const char *path, struct errmsg *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *mapped = NULL;
    bool is_ok = fd >= 0 && fstat(fd, &status) == 0;

    if (is_ok && status.st_size > 0) {
        mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        is_ok = mapped != MAP_FAILED;
    }
    if (!is_ok) {
        fail(path, error);
    } else {
        import_source_add(source, path, bytes_make(mapped, (size_t)status.st_size));
        source->files.items[source->files.count - 1].mapped =
            source->files.items[source->files.count - 1].bytes;
        (void)madvise(mapped, (size_t)status.st_size, MADV_SEQUENTIAL);
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_ok;
}

/* The name in the directory that ends so; empty when there is none.  False when there are several. */
static bool find_manifest(const char *directory, struct buf *name)
{
    static const char ending[] = ".manifest";
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    bool is_single = true;

    buf_clear(name);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len >= sizeof(ending) && strcmp(entry->d_name + len - strlen(ending), ending) == 0) {
            is_single = is_single && name->len == 0;
            buf_clear(name);
            buf_append_text(name, entry->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return is_single;
}

static bool read_manifest(const char *path, struct aof_names *names, struct errmsg *error)
{
    FILE *file = fopen(path, "re");
    struct buf text = {0};
    bool is_ok;

    *names = (struct aof_names){0};
    if (file == NULL) {
        return fail(path, error);
    }
    text.len = fread(buf_reserve(&text, MANIFEST_MAX), 1, MANIFEST_MAX, file);
    fclose(file);
    is_ok = aof_manifest_parse(buf_bytes(&text), names, error);
    buf_deinit(&text);
    if (!is_ok) {
        errmsg_wrap(error, "%s", path);
    }
    return is_ok;
}

static bool map_aof(struct import_source *source, const char *directory, struct bytes manifest,
                    struct errmsg *error)
{
    struct aof_names names;
    struct buf path = {0};
    bool is_ok;

    buf_printf(&path, "%s/%.*s", directory, BYTES_ARGS(manifest));
    is_ok = read_manifest(buf_text(&path), &names, error);
    for (size_t i = 0; is_ok && i < names.items.count; i++) {
        buf_clear(&path);
        buf_printf(&path, "%s/%s", directory, buf_text(&names.items.items[i]));
        is_ok = map_file(source, buf_text(&path), error);
    }
    aof_names_deinit(&names);
    buf_deinit(&path);
    return is_ok;
}

/* An append-only directory, the folder of a server that has one, or one with a dump.rdb alone. */
static bool map_directory(struct import_source *source, const char *path, struct errmsg *error)
{
    struct buf log = {0};
    struct buf dump = {0};
    struct buf own = {0};
    struct buf name = {0};
    bool is_ok = false;

    buf_printf(&log, "%s/appendonlydir", path);
    buf_printf(&dump, "%s/dump.rdb", path);
    buf_printf(&own, "%s/appendonlydir/manifest", path);
    if (!find_manifest(path, &name) || (name.len == 0 && access(buf_text(&own), F_OK) == 0)) {
        errmsg_set(error,
                   name.len > 0 ? "%s has several manifests: name one of the files"
                                : "%s is the folder of a Starling server: start one on it (--dir), "
                                  "or on a copy",
                   path);
    } else if (name.len > 0) {
        is_ok = map_aof(source, path, buf_bytes(&name), error);
    } else if (find_manifest(buf_text(&log), &name) && name.len > 0) {
        is_ok = map_aof(source, buf_text(&log), buf_bytes(&name), error);
    } else if (access(buf_text(&dump), F_OK) == 0) {
        is_ok = map_file(source, buf_text(&dump), error);
    } else {
        errmsg_set(error, "%s has no manifest of an AOF in it, and no dump.rdb", path);
    }
    buf_deinit(&log);
    buf_deinit(&dump);
    buf_deinit(&own);
    buf_deinit(&name);
    return is_ok;
}

bool import_source_open(struct import_source *source, const char *path, struct errmsg *error)
{
    struct stat status;
    bool is_ok;

    *source = (struct import_source){.db = -1};
    if (stat(path, &status) != 0) {
        return fail(path, error);
    }
    is_ok = S_ISDIR(status.st_mode) ? map_directory(source, path, error)
                                    : map_file(source, path, error);
    return is_ok && import_source_check(source, error);
}

void import_source_close(struct import_source *source)
{
    for (size_t i = 0; i < source->files.count; i++) {
        struct import_file *file = &source->files.items[i];

        if (file->mapped.len > 0) {
            munmap((void *)(uintptr_t)file->mapped.data, file->mapped.len);
        }
        mem_free(MEM_CLI, file->path);
    }
    VEC_DEINIT(&source->files);
    rdb_skim_deinit(&source->skim);
    resp_reader_deinit(&source->reader);
    VEC_DEINIT(&source->words);
    buf_deinit(&source->payload);
    *source = (struct import_source){0};
}
