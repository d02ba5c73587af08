/* SPDX-License-Identifier: MIT */
/* Reading directives: config files with what they include, and the command line.
 *
 * A line is a name and words, quoted as redis-cli quotes them (base/split.h); # begins a comment line.
 * "include PATH" reads another file there: relative to the folder of the file that says so, with
 * wildcards in the last part of the path, which may match nothing.
 *
 * Reading goes on behind what is wrong, so that all problems are told at once.
 * Save points add up within one source; its first replaces what was before it. */
#ifndef STARLING_CONFIG_CONFIG_READER_H
#define STARLING_CONFIG_CONFIG_READER_H

#include "config/config.h"

enum {
    CONFIG_FILE_MAX = 1024 * 1024,
    CONFIG_INCLUDE_DEPTH = 16,
};

typedef void config_name_fn(void *context, const char *name);

/* Where included files come from. */
struct config_files {
    void *context;
    /* Append up to CONFIG_FILE_MAX bytes. */
    bool (*read)(void *context, const char *path, struct buf *out, struct errmsg *error);
    /* Call on_name for each name in a folder. */
    bool (*list)(void *context, const char *folder, config_name_fn *on_name, void *name_context,
                 struct errmsg *error);
};

/* One source of directives: a file with its includes, or the command line. */
struct config_reader {
    struct config *config;
    const struct config_files *files; /* NULL: include is refused */
    struct buf problems;              /* "where: what", a line each */
    bool has_save;
    int depth;
    VEC(int) user_depths; /* of the files that declare users: the last of config->users */
};

void config_reader_deinit(struct config_reader *reader);
/* The text of a file; path is for messages and for relative includes. */
void config_read_text(struct config_reader *reader, struct bytes text, const char *path);
/* The words of a command line: --NAME WORD ..., or "--NAME WORD ..." in one.  Up to the next word that
 * begins with -- everything belongs to a name. */
void config_read_flags(struct config_reader *reader, const char *const *flags, size_t count);

/* The old text of config->file with the values that differ from defaults put into it: known lines
 * are replaced where they stand, new ones appended, comments kept.  Read again with the same
 * files it gives the same configuration. */
void config_rewrite(const struct config *config, const struct config_files *files,
                    struct bytes old_text, struct buf *out);

/* Cut the next line off, without its end. */
struct bytes config_next_line(struct bytes *rest);

#endif
