/* SPDX-License-Identifier: MIT */
#include "net/absolute_path.h"

#include "base/buf.h"
#include "base/mem.h"

#include <limits.h>
#include <unistd.h>

char *absolute_path_make(const char *path)
{
    char folder[PATH_MAX];
    struct buf text = {0};
    char *result;

    /* A folder that was removed has no name: then the path is as good as it was. */
    if (path[0] != '/' && getcwd(folder, sizeof(folder)) != NULL) {
        buf_printf(&text, "%s/", folder);
    }
    buf_append_text(&text, path);
    result = mem_strdup(MEM_NET, buf_text(&text));
    buf_deinit(&text);
    return result;
}
