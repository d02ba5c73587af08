/* SPDX-License-Identifier: MIT */
/* Compiler attributes and the two or three macros that C lacks. */
#ifndef STARLING_BASE_ATTR_H
#define STARLING_BASE_ATTR_H

#define MUST_USE                  __attribute__((warn_unused_result))
#define NORETURN                  __attribute__((noreturn))
#define UNUSED                    __attribute__((unused))
#define PRINTF_LIKE(string, args) __attribute__((format(printf, string, args)))
/* Seldom run: kept out of the way of what runs often. */
#define COLD        __attribute__((cold, noinline))
#define NOINLINE    __attribute__((noinline))
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A hint to the processor that memory at address is going to be read.  The empty assembly keeps
 * compilers from dropping whole functions that do nothing else, as having no effect. */
static inline void prefetch(const void *address)
{
    __asm__ volatile("" : : "r"(address));
    __builtin_prefetch(address);
}

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of which pointer is the member. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer) - __builtin_offsetof(type, member)))
#define CONTAINER_OF_CONST(pointer, type, member)                                                  \
    ((const type *)(const void *)((const char *)(pointer) - __builtin_offsetof(type, member)))

#endif
