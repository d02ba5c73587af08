/* SPDX-License-Identifier: MIT */
/* Where a stock server 7.0 answers otherwise than we do. */
#include "tests/differential/compare.h"

const struct exception exceptions[] = {
  /* What later servers have changed. */
    {"OBJECT",      "$8\r\nlistpack\r\n",                               "$9\r\nhashtable\r\n",          "small sets are listpacks since 7.2"                   },
    {"OBJECT",      "$8\r\nlistpack\r\n",                               "$9\r\nquicklist\r\n",          "small lists are listpacks since 7.2"                  },
    {"BITCOUNT",    "-ERR *",                                           ":0\r\n",                       "since 7.2 wrong words are an error without a key, too"},
    {"BITPOS",      "-ERR *",                                           ":0\r\n",                       "since 7.2 wrong words are an error without a key, too"},
    {"BITPOS",      "-ERR *",                                           ":-1\r\n",                      "since 7.2 wrong words are an error without a key, too"},
    {"LREM",        "-ERR value is out of range, value must between *", ":*",
     "7.2 refuses the count -2^63"                                                                                                                             },
    {"BLPOP",       "-ERR timeout is out of range\r\n",                 "-ERR timeout is negative\r\n",
     "7.0 lets a huge time-out overflow"                                                                                                                       },
    {"BRPOP",       "-ERR timeout is out of range\r\n",                 "-ERR timeout is negative\r\n",
     "7.0 lets a huge time-out overflow"                                                                                                                       },
 /* A cursor is read strictly by newer ones, with strtoul by 7.0. */
    {"SCAN",        "-ERR invalid cursor\r\n",                          "*",                            "7.0 takes -1 for a cursor"                            },
    {"HSCAN",       "-ERR invalid cursor\r\n",                          "*",                            "7.0 takes -1 for a cursor"                            },
    {"SSCAN",       "-ERR invalid cursor\r\n",                          "*",                            "7.0 takes -1 for a cursor"                            },
    {"ZSCAN",       "-ERR invalid cursor\r\n",                          "*",                            "7.0 takes -1 for a cursor"                            },
 /* Our mistakes. */
    {"NOSUCH",      "-ERR unknown command '*'\r\n",                     "-ERR unknown command *",
     "to be mended: the text ends at a NUL in an argument"                                                                                                     },
    {"GETT",        "-ERR unknown command '*'\r\n",                     "-ERR unknown command *",
     "to be mended: the text ends at a NUL in an argument"                                                                                                     },
    {"SRANDMEMBER", "-ERR value is not an integer or out of range\r\n", "-ERR syntax error\r\n",
     "to be mended: too many words are a syntax error first"                                                                                                   },
    {"ZRANGE",      "*",                                                "-ERR syntax error\r\n",
     "to be mended: REV, BYSCORE and BYLEX are a syntax error when they come twice"                                                                            },
    {"ZINCRBY",     "?0\r\n",                                           "?-0\r\n",                      "to be mended: -0 added to nothing"                    },
    {"ZINCRBY",     "$1\r\n0\r\n",                                      "$2\r\n-0\r\n",                 "to be mended: -0 added to nothing"                    },
};

const size_t exception_count = sizeof(exceptions) / sizeof(exceptions[0]);
