/* SPDX-License-Identifier: MIT */
/* Which subcommand of --cluster, and are there words enough for it. */
#include "cli/cluster.h"

#include "cli/cluster_backup.h"
#include "cli/cluster_check.h"
#include "cli/cluster_create.h"
#include "cli/cluster_fix.h"
#include "cli/cluster_import.h"
#include "cli/cluster_members.h"
#include "cli/cluster_picture.h"
#include "cli/cluster_reshard.h"

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
          "  map            host:port       the cluster as a picture\n"
          "                 --watch                      again every second, until Ctrl-C\n"
          "  call           host:port command [argument ...]   on every node\n"
          "  wait           host:port       until all slots are covered, every node says ok and\n"
          "                                 all replicas are connected\n"
          "                 --cluster-timeout <seconds>  (default: 60)\n"
          "  reshard        host:port       move slots to one primary; what is not given is asked "
          "for\n"
          "                 --cluster-from <id,id...|all>\n"
          "                 --cluster-to <id>\n"
          "                 --cluster-slots <n>\n"
          "                 --cluster-dry-run            print the plan, change nothing\n"
          "                 --cluster-by-slot            with MIGRATE, as older servers need it\n"
          "                 --cluster-yes --cluster-timeout --cluster-pipeline --cluster-replace\n"
          "  rebalance      host:port       even shares for all primaries\n"
          "                 --cluster-by <measure>       slots (default), keys, memory, load\n"
          "                 --cluster-weight <id=n> ...  (default: 1 each)\n"
          "                 --cluster-use-empty-masters  those without slots get some, too\n"
          "                 --cluster-threshold <percent>  (default: 2)\n"
          "                 --cluster-dry-run --cluster-timeout --cluster-pipeline "
          "--cluster-replace\n"
          "  add-node       new_host:new_port existing_host:existing_port\n"
          "                 --cluster-slave              as a replica, of the primary with fewest\n"
          "                 --cluster-master-id <id>     of that one\n"
          "  del-node       host:port node_id\n"
          "  fix            host:port       end moves that were broken off, cover all slots\n"
          "                 --cluster-search-multiple-owners\n"
          "                 --cluster-fix-with-unreachable-masters\n"
          "  import         host:port       the data of any server into the cluster\n"
          "                 --cluster-from <host:port>   that server\n"
          "                 --cluster-from-user <name> --cluster-from-pass <password>\n"
          "                 --cluster-from-askpass\n"
          "                 --cluster-replace            keys of the same name are replaced\n"
          "                 --cluster-follow             then what is written there, until "
          "Ctrl-C\n"
          "  backup         host:port folder   an RDB file of each primary, and nodes.json\n"
          "  set-timeout    host:port milliseconds   the node timeout of every node\n"
          "  help\n"
          "\n"
          "Any working node of the cluster will do as host:port. Ids may be cut short as long as\n"
          "they tell one node. -a, --user and -t apply to every connection.\n",
          stdout);
}

/* How many words a subcommand takes with its own name, and which of them is a node of the cluster. */
struct shape {
    const char *name;
    size_t min, max;
    size_t target; /* 0: none */
    int (*run)(const struct options *options, const struct cluster_target *target);
};

static int run_create(const struct options *options, const struct cluster_target *target)
{
    (void)target;
    return cluster_create(options, options->words + 1, options->word_count - 1);
}

static int run_help(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    (void)target;
    print_help();
    return 0;
}

static int run_check(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_check(target);
}

static int run_info(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_info(target);
}

static int run_map(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_picture(target);
}

static int run_call(const struct options *options, const struct cluster_target *target)
{
    return cluster_call(target, options->words + 2, options->word_count - 2);
}

static int run_wait(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_wait(target);
}

static int run_reshard(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_reshard(target);
}

static int run_rebalance(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_rebalance(target);
}

static bool split(const char *address, char host[ADDR_HOST_TEXT], uint16_t *port)
{
    if (addr_split(bytes_from_text(address), host, port) && host[0] != '\0' && *port != 0) {
        return true;
    }
    fprintf(stderr, "[ERR] Invalid address format: '%s' is not host:port\n", address);
    return false;
}

static int run_add_node(const struct options *options, const struct cluster_target *target)
{
    char host[ADDR_HOST_TEXT];
    uint16_t port;

    return split(options->words[1], host, &port) ? cluster_add_node(target, host, port) : 1;
}

static int run_del_node(const struct options *options, const struct cluster_target *target)
{
    return cluster_del_node(target, options->words[2]);
}

static int run_fix(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_fix(target);
}

static int run_set_timeout(const struct options *options, const struct cluster_target *target)
{
    return cluster_set_timeout(target, options->words[2]);
}

static int run_import(const struct options *options, const struct cluster_target *target)
{
    (void)options;
    return cluster_import(target);
}

static int run_backup(const struct options *options, const struct cluster_target *target)
{
    return cluster_backup(target, options->words[2]);
}

static const struct shape *find_shape(const char *name)
{
    static const struct shape shapes[] = {
        {"create",      2, SIZE_MAX, 0, run_create     },
        {"check",       2, 2,        1, run_check      },
        {"info",        2, 2,        1, run_info       },
        {"map",         2, 2,        1, run_map        },
        {"call",        3, SIZE_MAX, 1, run_call       },
        {"wait",        2, 2,        1, run_wait       },
        {"reshard",     2, 2,        1, run_reshard    },
        {"rebalance",   2, 2,        1, run_rebalance  },
        {"add-node",    3, 3,        2, run_add_node   },
        {"del-node",    3, 3,        1, run_del_node   },
        {"fix",         2, 2,        1, run_fix        },
        {"import",      2, 2,        1, run_import     },
        {"backup",      3, 3,        1, run_backup     },
        {"set-timeout", 3, 3,        1, run_set_timeout},
        {"help",        1, SIZE_MAX, 0, run_help       },
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
    if ((options->word_count < shape->min && strcmp(name, "help") != 0) ||
        options->word_count > shape->max) {
        fprintf(stderr, "[ERR] Wrong number of arguments for --cluster %s; see --cluster help.\n",
                name);
        return 1;
    }
    if (shape->target > 0 && !split(options->words[shape->target], host, &target.port)) {
        return 1;
    }
    return shape->run(options, &target);
}
