/* SPDX-License-Identifier: MIT */
/* COMMAND DOCS. */
#include "base/attr.h"
#include "tests/unit/answers.h"

Test(command_docs_commands, tells_what_the_table_says_and_the_arguments_as_a_tree)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "COMMAND DOCS get",
                   "[*]2|$3|get|[*]10|$7|summary|*|$5|since|$5|1.0.0|$5|group|$6|string|"
                   "$10|complexity|*|$9|arguments|[*]1|[*]6|$4|name|$3|key|$4|type|$3|key|"
                   "$14|key_spec_index|:0|");
    alone_free(a);
}

Test(command_docs_commands, tells_what_replaces_a_command)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "COMMAND DOCS getset",
                   "*|$9|doc_flags|[*]1|+deprecated|$16|deprecated_since|$5|6.2.0|"
                   "$11|replaced_by|*");
    alone_free(a);
}

Test(command_docs_commands, has_a_container_s_subcommands_within_it)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "COMMAND DOCS config",
                   "[*]2|$6|config|[*]10|*|$11|subcommands|[*]*|$10|config|get|*");
    answers_expect(a, "COMMAND DOCS config|get", "[*]2|$10|config|get|*|$9|arguments|*");
    alone_free(a);
}

Test(command_docs_commands, passes_over_names_that_nobody_knows)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "COMMAND DOCS nosuch", "[*]0|");
    answers_expect(a, "COMMAND DOCS nosuch get", "[*]2|$3|get|*");
    alone_free(a);
}
