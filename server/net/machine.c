/* SPDX-License-Identifier: MIT */
#include "net/machine.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

void machine_learn(struct machine *machine, const char *supervised)
{
    struct utsname system;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    ssize_t len = readlink("/proc/self/exe", machine->executable, sizeof(machine->executable) - 1);

    machine->executable[len > 0 ? len : 0] = '\0';
    machine->os[0] = '\0';
    if (uname(&system) == 0) {
        snprintf(machine->os, sizeof(machine->os), "%s %s %s", system.sysname, system.release,
                 system.machine);
    }
    machine->process = (struct env_process){
        .os = machine->os,
        .executable = machine->executable,
        .supervised = supervised,
        .machine_memory_bytes =
            pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0,
    };
}

static int64_t us_of(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

void machine_cpu(struct env_cpu *out)
{
    struct rusage all;
    struct rusage loop;

    *out = (struct env_cpu){0};
    if (getrusage(RUSAGE_SELF, &all) == 0 && getrusage(RUSAGE_THREAD, &loop) == 0) {
        *out = (struct env_cpu){
            .user_us = us_of(all.ru_utime),
            .system_us = us_of(all.ru_stime),
            .loop_user_us = us_of(loop.ru_utime),
            .loop_system_us = us_of(loop.ru_stime),
        };
    }
}
