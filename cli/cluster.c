/* SPDX-License-Identifier: MIT */
/* Which subcommand of --cluster, and are there words enough for it. */
#include "cli/cluster.h"

#include "cli/cluster_check.h"
#include "cli/cluster_create.h"

#include <stdio.h>
#include <string.h>

static void print_help(void)
{
    fputs("Cluster management commands:\n"
          "  create         host1:port1 ... hostN:portN\n"
          "                 --cluster-replicas <n>       replicas of each primary (default: 0)\n"
          "                 --cluster-yes                do not ask\n"
          "                 --cluster-timeout <seconds>  limit of joining (default: 60)\n"
          "  check          host:port       all tests; exit code 1 when something is wrong\n"
          "  info           host:port       keys and slots of each primary\n"
          "  call           host:port command [argument ...]   on every node\n"
          "  wait           host:port       until all slots are covered, every node says ok and\n"
          "                                 all replicas are connected\n"
          "                 --cluster-timeout <seconds>  (default: 60)\n"
          "  help\n"
          "\n"
          "For check, info, call and wait any working node of the cluster will do.\n"
          "-a, --user and -t apply to every connection.\n",
          stdout);
}

static int run_on(const struct options *options, struct cluster_target *target, const char *name)
{
    if (strcmp(name, "check") == 0) {
        return cluster_check(target);
    }
    if (strcmp(name, "info") == 0) {
        return cluster_info(target);
    }
    if (strcmp(name, "wait") == 0) {
        return cluster_wait(target);
    }
    return cluster_call(target, options->words + 2, options->word_count - 2);
}

/* How many words a subcommand takes with its own name; 0: it is none. */
struct shape {
    const char *name;
    size_t min, max;
};

static const struct shape *find_shape(const char *name)
{
    static const struct shape shapes[] = {
        {"create", 2, SIZE_MAX},
        {"check",  2, 2       },
        {"info",   2, 2       },
        {"call",   3, SIZE_MAX},
        {"wait",   2, 2       },
        {"help",   1, SIZE_MAX},
    };

    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            return &shapes[i];
        }
    }
    return NULL;
}

int cluster_run(const struct options *options)
{
    const char *name = options->word_count > 0 ? options->words[0] : "help";
    const struct shape *shape = find_shape(name);
    char host[ADDR_HOST_TEXT];
    struct cluster_target target = {.options = options, .host = host};

    if (shape == NULL) {
        fprintf(stderr, "Unknown --cluster subcommand '%s'; --cluster help lists them.\n", name);
        return 1;
    }
    if (strcmp(name, "help") == 0) {
        print_help();
        return 0;
    }
    if (options->word_count < shape->min || options->word_count > shape->max) {
        fprintf(stderr, "[ERR] Wrong number of arguments for --cluster %s; see --cluster help.\n",
                name);
        return 1;
    }
    if (strcmp(name, "create") == 0) {
        return cluster_create(options, options->words + 1, options->word_count - 1);
    }
    if (!addr_split(bytes_from_text(options->words[1]), host, &target.port) || host[0] == '\0' ||
        target.port == 0) {
        fprintf(stderr, "[ERR] Invalid address format: '%s' is not host:port\n", options->words[1]);
        return 1;
    }
    return run_on(options, &target, name);
}
