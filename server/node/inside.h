/* SPDX-License-Identifier: MIT */
/* The inside of a node: its parts, by value.  For server/node and server/control alone.
 *
 * Each part is assigned by the file named behind it, and by no other; everybody may read it.  "any": the
 * part is a thing of a lower room, or small enough to be one, and is changed through its own functions.
 * tests/lint checks that. */
#ifndef STARLING_NODE_INSIDE_H
#define STARLING_NODE_INSIDE_H

#include "base/clock.h"
#include "base/rng.h"
#include "cluster/cluster.h"
#include "config/config.h"
#include "node/account.h"
#include "node/apply.h"
#include "node/batch.h"
#include "node/blocked.h"
#include "node/borrowing.h"
#include "node/bus_links.h"
#include "node/call.h"
#include "node/cluster_side.h"
#include "node/copy_owners.h"
#include "node/copy_values.h"
#include "node/counters.h"
#include "node/data.h"
#include "node/digest.h"
#include "node/disk_base.h"
#include "node/disk_feed.h"
#include "node/disk_log.h"
#include "node/disk_pressure.h"
#include "node/ending.h"
#include "node/env.h"
#include "node/execute.h"
#include "node/files.h"
#include "node/gates.h"
#include "node/hot_askers.h"
#include "node/hot_copies.h"
#include "node/hot_members.h"
#include "node/hot_readers.h"
#include "node/hot_side.h"
#include "node/image.h"
#include "node/invalidation.h"
#include "node/journal.h"
#include "node/lending.h"
#include "node/life.h"
#include "node/load.h"
#include "node/log_retention.h"
#include "node/memory_limit.h"
#include "node/migrate.h"
#include "node/monitor.h"
#include "node/move_apply.h"
#include "node/move_image.h"
#include "node/move_side.h"
#include "node/move_source.h"
#include "node/node.h"
#include "node/notify.h"
#include "node/own_expiry.h"
#include "node/pass.h"
#include "node/primary_side.h"
#include "node/publish.h"
#include "node/release.h"
#include "node/reload.h"
#include "node/replay.h"
#include "node/replica_side.h"
#include "node/replicas.h"
#include "node/reply.h"
#include "node/request.h"
#include "node/rewind.h"
#include "node/role.h"
#include "node/route.h"
#include "node/saving.h"
#include "node/serve.h"
#include "node/slot_cleaning.h"
#include "node/slot_report.h"
#include "node/slow.h"
#include "node/staging.h"
#include "node/sync_file.h"
#include "node/sync_side.h"
#include "node/transaction.h"
#include "node/undo.h"
#include "node/upkeep.h"
#include "node/users.h"
#include "node/waiting.h"
#include "node/watching.h"
#include "session/session.h"
#include "spec/command_index.h"
#include "stats/latency.h"
#include "stats/slot_usage.h"
#include "stats/slowlog.h"
#include "stats/timing.h"

enum {
    NODE_SLICE_US = 200,           /* of one kind of long work in a pass */
    NODE_FEED_BUFFER = 256 * 1024, /* a replica's output is filled up to here */
};

struct node {
    struct env env;                       /* node.c */
    const struct node_controls *controls; /* node.c */
    struct config config;                 /* any */
    struct rng rng;                       /* any */
    struct moment now;                    /* node.c: of this pass */
    struct pass pass;                     /* any */
    struct life life;                     /* life.c */
    struct counters counters;             /* any */
    struct timing timing;                 /* any */
    struct slowlog slowlog;               /* any */
    struct slowlog large_requests;        /* any */
    struct slowlog large_replies;         /* any */
    struct latency latency;               /* any */
    struct hot_side hot;                  /* any */
    struct slot_usage slot_usage;         /* any */
    struct command_index commands;        /* any: as clients name them; constant */
    struct command_index stream_commands; /* any: as primaries do, never renamed */
    struct session_table sessions;        /* any */
    struct holds holds;                   /* any */
    struct data data;                     /* data.c */
    struct journal journal;               /* journal.c */
    struct files files;                   /* files.c */
    struct replicas replicas;             /* replicas.c */
    struct sync_side sync_side;           /* sync_side.c */
    struct own_expiry own_expiry;         /* own_expiry.c */
    struct users users;                   /* any */
    struct publish publish;               /* any */
    struct notify notify;                 /* notify.c */
    struct monitors monitors;             /* monitor.c */
    struct invalidation invalidation;     /* invalidation.c */
    struct door door;                     /* call.c */
    struct gates gates;                   /* gates.c */
    struct batch batch;                   /* batch.c */
    struct blocked blocked;               /* blocked.c */
    struct watching watching;             /* watching.c */
    struct transaction transaction;       /* transaction.c */
    struct image image;                   /* image.c */
    struct disk_log disk_log;             /* disk_log.c */
    struct disk_pressure disk_pressure;   /* disk_pressure.c */
    struct disk_base disk_base;           /* disk_base.c */
    struct log_retention log_retention;   /* log_retention.c */
    struct replay replay;                 /* replay.c */
    struct rewind rewind;                 /* rewind.c */
    struct undo undo;                     /* undo.c */
    struct loading loading;               /* load.c */
    struct apply apply;                   /* apply.c */
    struct memory_limit memory_limit;     /* memory_limit.c */
    struct pauses pauses;                 /* waiting.c */
    struct saving saving;                 /* saving.c */
    struct sync_file sync_file;           /* sync_file.c */
    struct primary_side primary_side;     /* primary_side.c */
    struct upstream upstream;             /* replica_side.c */
    struct role role;                     /* role.c */
    struct cluster *cluster;              /* cluster_side.c; NULL outside cluster mode */
    struct cluster_side cluster_side;     /* cluster_side.c */
    struct bus_links bus;                 /* bus_links.c */
    struct slot_cleaning slot_cleaning;   /* slot_cleaning.c */
    struct migrate migrate;               /* migrate.c */
    struct staging staging;               /* staging.c */
    struct move_image move_image;         /* move_image.c */
    struct move_source move_source;       /* move_source.c */
    struct move_side move_side;           /* move_side.c */
    struct lending lending;               /* lending.c */
    struct copy_owners copy_owners;       /* copy_owners.c */
    struct copy_values copy_values;       /* copy_values.c */
    struct borrowing borrowing;           /* borrowing.c */
    struct hot_askers hot_askers;         /* hot_askers.c */
    struct hot_copies hot_copies;         /* hot_copies.c */
    struct hot_members hot_members;       /* hot_members.c */
    struct hot_readers hot_readers;       /* hot_readers.c */
    struct upkeep upkeep;                 /* upkeep.c */
    struct release release;               /* release.c */
    struct reload reload;                 /* reload.c */
    struct ending ending;                 /* ending.c */
};

#endif
