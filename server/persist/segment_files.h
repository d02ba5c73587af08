/* SPDX-License-Identifier: MIT */
/* The folder of the log's files, read through struct fs: what segment/segment_source.h asks for. */
#ifndef STARLING_PERSIST_SEGMENT_FILES_H
#define STARLING_PERSIST_SEGMENT_FILES_H

#include "persist/fs.h"
#include "segment/segment_source.h"

enum {
    SEGMENT_FOLDER_SIZE = 256,
    SEGMENT_PATH_SIZE = 512,
};

/* Borrows fs; stays where it is as long as the source is used. */
struct segment_files {
    const struct fs *fs;
    char folder[SEGMENT_FOLDER_SIZE];
};

/* False when the folder's name is too long. */
bool segment_files_init(struct segment_files *files, const struct fs *fs, const char *folder);
/* Is one of these surely not there: the manifest, segments first and last (0: none)?  A file that cannot be looked at may
 * be there. */
bool segment_files_are_gone(const struct segment_files *files, uint64_t first, uint64_t last);
struct segment_source segment_files_source(struct segment_files *files);
/* The path of a segment, and of any file in the folder. */
void segment_files_segment_path(const struct segment_files *files, uint64_t number,
                                char path[SEGMENT_PATH_SIZE]);
void segment_files_path(const struct segment_files *files, const char *name,
                        char path[SEGMENT_PATH_SIZE]);

#endif
