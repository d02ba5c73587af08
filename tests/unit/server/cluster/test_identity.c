/* SPDX-License-Identifier: MIT */
#include "cluster/identity.h"

#include <criterion/criterion.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(cluster_identity, ids_are_forty_lower_case_hex_digits)
{
    struct cluster_id id;

    cr_expect(cluster_id_parse(BYTES_LITERAL(ID_A), &id));
    cr_expect_not(cluster_id_parse(BYTES_LITERAL("aaaa"), &id));
    cr_expect_not(cluster_id_parse(BYTES_LITERAL("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &id));
    cr_expect_not(cluster_id_parse(BYTES_LITERAL("gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &id));
}

Test(cluster_identity, addresses_and_hostnames_are_told_apart)
{
    cr_expect(cluster_ip_is_valid(BYTES_LITERAL("127.0.0.1")));
    cr_expect(cluster_ip_is_valid(BYTES_LITERAL("2001:db8::1")));
    cr_expect_not(cluster_ip_is_valid(BYTES_LITERAL("node-1.example")));
    cr_expect_not(cluster_ip_is_valid(BYTES_LITERAL("face.de")));
    cr_expect_not(cluster_ip_is_valid(BYTES_LITERAL("")));
    cr_expect(cluster_hostname_is_valid(BYTES_LITERAL("node-1.example")));
    cr_expect_not(cluster_hostname_is_valid(BYTES_LITERAL("node 1")));
    cr_expect_not(cluster_hostname_is_valid(BYTES_LITERAL("node,1")));
}
