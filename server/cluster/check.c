/* SPDX-License-Identifier: MIT */
/* Every invariant of this room in one call, cluster_check of cluster.h: each module knows its own.
 * O(slots + nodes + reports); debug builds make it at the end of every step. */
#include "cluster/cluster.h"

#include "base/assert.h"
#include "cluster/data.h"
#include "cluster/failure.h"
#include "cluster/forgotten.h"
#include "cluster/lease.h"
#include "cluster/links.h"
#include "cluster/manual.h"
#include "cluster/nodes.h"
#include "cluster/partial.h"
#include "cluster/range_facts.h"
#include "cluster/role.h"
#include "cluster/slots.h"
#include "cluster/starts.h"
#include "cluster/sync_set.h"
#include "cluster/takeover.h"

void cluster_check(const struct cluster *cluster)
{
    ASSERT(cluster->out == NULL);
    nodes_check(cluster);
    slots_check(cluster);
    ranges_check(cluster);
    links_check(cluster);
    starts_check(cluster);
    forgotten_check(cluster);
    partial_check(cluster);
    failure_check(cluster);
    data_check(cluster);
    role_check(cluster);
    lease_check(cluster);
    takeover_check(cluster);
    sync_set_check(cluster);
    council_check(cluster->council);
    manual_check(cluster);
}
