/* SPDX-License-Identifier: MIT */
/* command/events: what every write command says that it did, in which order. */
#include "command/events.h"

#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

struct event_case {
    const char *before; /* requests parted by "; " */
    const char *request;
    const char *events; /* "name key, name key@db", the database when it is not 0 */
};

static const struct event_case cases[] = {
    {"",                                                                      "SET a 1",                                       "new a, set a"                                            },
    {"SET a 1",                                                               "SET a 1",                                       "overwritten a, set a"                                    },
    {"LPUSH a 1",                                                             "SET a 1",                                       "overwritten a, type_changed a, set a"                    },
    {"",                                                                      "SET a 1 EX 10",                                 "new a, set a, expire a"                                  },
    {"SET a 1 EX 10",                                                         "SET a 2 KEEPTTL",                               "overwritten a, set a"                                    },
    {"SET a 1",                                                               "SET a 2 NX",                                    ""                                                        },
    {"",                                                                      "SET a 2 XX",                                    ""                                                        },
    {"",                                                                      "SET a 2 GET",                                   "keymiss a, new a, set a"                                 },
    {"SET a 1",                                                               "SET a 2 IFEQ 3",                                ""                                                        },
    {"SET a 1 PXAT 1",                                                        "SET a 2",                                       "expired a, new a, set a"                                 },
    {"",                                                                      "SETEX a 10 1",                                  "new a, set a, expire a"                                  },
    {"LPUSH a 1",                                                             "PSETEX a 10 1",                                 "overwritten a, type_changed a, set a, expire a"          },
    {"",                                                                      "SETNX a 1",                                     "new a, set a"                                            },
    {"SET a 1",                                                               "SETNX a 1",                                     ""                                                        },
    {"",                                                                      "GETSET a 1",                                    "keymiss a, new a, set a"                                 },
    {"SET a 1",                                                               "GETSET a 1",                                    "overwritten a, set a"                                    },
    {"SET a 1",                                                               "GETDEL a",                                      "del a"                                                   },
    {"",                                                                      "GETDEL a",                                      "keymiss a"                                               },
    {"SET a 1",                                                               "GETEX a EX 10",                                 "expire a"                                                },
    {"SET a 1 EX 9",                                                          "GETEX a PERSIST",                               "persist a"                                               },
    {"SET a 1",                                                               "GETEX a PERSIST",                               ""                                                        },
    {"SET a 1",                                                               "GETEX a PXAT 1",                                "del a"                                                   },
    {"SET b 1",                                                               "MSET a 1 b 2 a 3",                              "new a, set a, overwritten b, set b, overwritten a, set a"},
    {"",                                                                      "MSETNX a 1 b 2",                                "new a, set a, new b, set b"                              },
    {"SET b 1",                                                               "MSETNX a 1 b 2",                                ""                                                        },
    {"",                                                                      "MSETEX 2 a 1 b 2 EX 10",                        "new a, set a, expire a, new b, set b, expire b"          },
    {"SET a 1",                                                               "MSETEX 1 a 1 KEEPTTL",                          "overwritten a, set a"                                    },
    {"",                                                                      "APPEND a x",                                    "new a, append a"                                         },
    {"SET a x",                                                               "APPEND a x",                                    "append a"                                                },
    {"",                                                                      "SETRANGE a 2 x",                                "new a, setrange a"                                       },
    {"",                                                                      "SETRANGE a 2 \"\"",                             ""                                                        },
    {"",                                                                      "INCR a",                                        "new a, incrby a"                                         },
    {"SET a 1",                                                               "DECR a",                                        "incrby a"                                                },
    {"SET a 1",                                                               "INCRBY a 5",                                    "incrby a"                                                },
    {"SET a 1",                                                               "DECRBY a 5",                                    "incrby a"                                                },
    {"SET a x",                                                               "INCR a",                                        ""                                                        },
    {"",                                                                      "INCRBYFLOAT a 1.5",                             "new a, incrbyfloat a"                                    },
    {"",                                                                      "INCREX a EX 10",                                "new a, incrby a, expire a"                               },
    {"SET a 1 EX 9",                                                          "INCREX a BYFLOAT 1.5 PERSIST",                  "incrbyfloat a, persist a"                                },
    {"SET a 1 EX 9",                                                          "INCREX a EX 5 ENX",                             "incrby a"                                                },
    {"SET a 1",                                                               "INCREX a UBOUND 1",                             ""                                                        },
    {"SET a 1",                                                               "INCREX a PXAT 1",                               "del a"                                                   },
    {"SET a 1",                                                               "DELEX a IFEQ 1",                                "del a"                                                   },
    {"SET a 1",                                                               "DELEX a IFEQ 2",                                ""                                                        },
    {"SET a 1",                                                               "DELIFEQ a 1",                                   "del a"                                                   },
    {"",                                                                      "SETBIT a 1 1",                                  "new a, setbit a"                                         },
    {"SETBIT a 1 1",                                                          "SETBIT a 1 1",                                  ""                                                        },
    {"",                                                                      "BITFIELD a SET u8 0 1",                         "new a, setbit a"                                         },
    {"SET a x",                                                               "BITFIELD a GET u8 0",                           ""                                                        },
    {"SET a x",                                                               "BITFIELD a OVERFLOW FAIL SET u4 8 99",          ""                                                        },
    {"SET a x",                                                               "BITOP NOT b a",                                 "new b, set b"                                            },
    {"SET a x; LPUSH b x",                                                    "BITOP NOT b a",                                 "overwritten b, type_changed b, set b"                    },
    {"SET b x",                                                               "BITOP NOT b a",                                 "keymiss a, del b"                                        },
    {"",                                                                      "PFADD a x",                                     "new a, pfadd a"                                          },
    {"PFADD a x",                                                             "PFADD a x",                                     ""                                                        },
    {"PFADD a x",                                                             "PFMERGE b a",                                   "keymiss b, new b, pfadd b"                               },
    {"PFADD a x",                                                             "PFMERGE a",                                     "pfadd a"                                                 },
    {"PFADD a x",                                                             "PFDEBUG TODENSE a",                             ""                                                        },
    {"PFADD a x",                                                             "PFCOUNT a",                                     ""                                                        },
    {"SET a 1; SET b 1",                                                      "DEL a x b",                                     "del a, del b"                                            },
    {"SET a 1",                                                               "UNLINK a a",                                    "del a"                                                   },
    {"SET a 1",                                                               "RENAME a b",                                    "new b, rename_from a, rename_to b"                       },
    {"SET a 1; LPUSH b 1",                                                    "RENAME a b",
     "new b, overwritten b, type_changed b, rename_from a, rename_to b"                                                                                                                  },
    {"SET a 1",                                                               "RENAME a a",                                    ""                                                        },
    {"SET a 1; SET b 1",                                                      "RENAMENX a b",                                  ""                                                        },
    {"SET a 1",                                                               "RENAMENX a b",                                  "new b, rename_from a, rename_to b"                       },
    {"SET a 1",                                                               "MOVE a 3",                                      "new a@3, move_from a, move_to a@3"                       },
    {"SET a 1",                                                               "COPY a b",                                      "new b, copy_to b"                                        },
    {"SET a 1",                                                               "COPY a b DB 2",                                 "new b@2, copy_to b@2"                                    },
    {"SET a 1; SET b 1",                                                      "COPY a b",                                      ""                                                        },
    {"SET a 1; SADD b 1",                                                     "COPY a b REPLACE",                              "new b, overwritten b, type_changed b, copy_to b"         },
    {"",                                                                      "COPY a b",                                      "keymiss a"                                               },
    {"SET a 1",                                                               "EXPIRE a 10",                                   "expire a"                                                },
    {"SET a 1",                                                               "PEXPIRE a 10",                                  "expire a"                                                },
    {"SET a 1",                                                               "EXPIREAT a 9999999999",                         "expire a"                                                },
    {"SET a 1",                                                               "PEXPIREAT a 9999999999999",                     "expire a"                                                },
    {"SET a 1",                                                               "EXPIRE a -1",                                   "del a"                                                   },
    {"SET a 1",                                                               "EXPIRE a 10 XX",                                ""                                                        },
    {"SET a 1 EX 10",                                                         "PERSIST a",                                     "persist a"                                               },
    {"SET a 1",                                                               "PERSIST a",                                     ""                                                        },
    {"SET a 1; LPUSH b 1",                                                    "FLUSHALL",                                      ""                                                        },
    {"SET a 1",                                                               "FLUSHDB",                                       ""                                                        },
    {"SET a 1",                                                               "SWAPDB 0 1",                                    ""                                                        },
    {"",                                                                      "LPUSH a 1 2",                                   "new a, lpush a"                                          },
    {"RPUSH a 1",                                                             "RPUSH a 2",                                     "rpush a"                                                 },
    {"RPUSH a 1",                                                             "LPUSHX a 2",                                    "lpush a"                                                 },
    {"",                                                                      "RPUSHX a 2",                                    ""                                                        },
    {"RPUSH a 1",                                                             "RPUSHX a 2",                                    "rpush a"                                                 },
    {"RPUSH a 1 2",                                                           "LPOP a",                                        "lpop a"                                                  },
    {"RPUSH a 1",                                                             "LPOP a",                                        "lpop a, del a"                                           },
    {"RPUSH a 1 2",                                                           "RPOP a 2",                                      "rpop a, del a"                                           },
    {"RPUSH a 1 2",                                                           "RPOP a 1",                                      "rpop a"                                                  },
    {"RPUSH a 1 2",                                                           "RPOP a 0",                                      ""                                                        },
    {"RPUSH a 1",                                                             "LSET a 0 x",                                    "lset a"                                                  },
    {"RPUSH a 1",                                                             "LINSERT a BEFORE 1 x",                          "linsert a"                                               },
    {"RPUSH a 1",                                                             "LINSERT a BEFORE 2 x",                          ""                                                        },
    {"RPUSH a 1 2",                                                           "LREM a 0 1",                                    "lrem a"                                                  },
    {"RPUSH a 1 1",                                                           "LREM a 0 1",                                    "lrem a, del a"                                           },
    {"RPUSH a 1 1",                                                           "LREM a 0 2",                                    ""                                                        },
    {"RPUSH a 1 2",                                                           "LTRIM a 0 -1",                                  "ltrim a"                                                 },
    {"RPUSH a 1 2",                                                           "LTRIM a 0 0",                                   "ltrim a"                                                 },
    {"RPUSH a 1 2",                                                           "LTRIM a 5 9",                                   "ltrim a, del a"                                          },
    {"RPUSH a 1",                                                             "LMOVE a b LEFT RIGHT",                          "new b, rpush b, lpop a, del a"                           },
    {"RPUSH a 1",                                                             "LMOVE a a LEFT RIGHT",                          "rpush a, lpop a"                                         },
    {"RPUSH a 1 2",                                                           "RPOPLPUSH a b",                                 "new b, lpush b, rpop a"                                  },
    {"RPUSH a 1",                                                             "BLMOVE a b LEFT LEFT 0",                        "new b, lpush b, lpop a, del a"                           },
    {"RPUSH a 1",                                                             "BRPOPLPUSH a b 0",                              "new b, lpush b, rpop a, del a"                           },
    {"RPUSH a 1 2 3",                                                         "LMOVEM a b LEFT RIGHT COUNT 2",                 "new b, rpush b, lpop a"                                  },
    {"RPUSH a 1 2",                                                           "BLMOVEM a b LEFT RIGHT 0 COUNT 2",              "new b, rpush b, lpop a, del a"                           },
    {"RPUSH a 1",                                                             "BLPOP x a 0",                                   "lpop a, del a"                                           },
    {"RPUSH a 1 2",                                                           "BRPOP a 0",                                     "rpop a"                                                  },
    {"RPUSH a 1 2",                                                           "LMPOP 1 a RIGHT COUNT 9",                       "rpop a, del a"                                           },
    {"RPUSH a 1 2",                                                           "BLMPOP 0 1 a LEFT",                             "lpop a"                                                  },
    {"RPUSH a 2 1",                                                           "SORT a STORE b",                                "new b, sortstore b"                                      },
    {"RPUSH a 2 1; SET b 1",                                                  "SORT a STORE b",                                "overwritten b, type_changed b, sortstore b"              },
    {"RPUSH b 1",                                                             "SORT a STORE b",                                "keymiss a, del b"                                        },
    {"",                                                                      "SADD a 1",                                      "new a, sadd a"                                           },
    {"SADD a 1",                                                              "SADD a 1",                                      ""                                                        },
    {"SADD a 1 2",                                                            "SREM a 1",                                      "srem a"                                                  },
    {"SADD a 1",                                                              "SREM a 1 2",                                    "srem a, del a"                                           },
    {"SADD a 1",                                                              "SREM a 2",                                      ""                                                        },
    {"SADD a 1",                                                              "SMOVE a b 1",                                   "srem a, del a, new b, sadd b"                            },
    {"SADD a 1 2; SADD b 1",                                                  "SMOVE a b 1",                                   "srem a"                                                  },
    {"SADD a 1",                                                              "SMOVE a b 2",                                   ""                                                        },
    {"SADD a 1",                                                              "SPOP a",                                        "spop a, del a"                                           },
    {"SADD a 1 2 3",                                                          "SPOP a 2",                                      "spop a"                                                  },
    {"SADD a 1 2 3",                                                          "SPOP a 9",                                      "spop a, del a"                                           },
    {"SADD a 1 2; SADD b 2 3",                                                "SINTERSTORE c a b",                             "new c, sinterstore c"                                    },
    {"SADD a 1 2; SADD b 2 3",                                                "SUNIONSTORE a a b",                             "overwritten a, sunionstore a"                            },
    {"SADD a 1 2; SADD b 2 3",                                                "SDIFFSTORE c a b",                              "new c, sdiffstore c"                                     },
    {"SADD a 1 2; SET c 1",                                                   "SDIFFSTORE c a a",                              "del c"                                                   },
    {"",                                                                      "HSET a f 1",                                    "new a, hset a"                                           },
    {"HSET a f 1",                                                            "HMSET a f 1",                                   "hset a"                                                  },
    {"",                                                                      "HSETNX a f 1",                                  "new a, hset a"                                           },
    {"HSET a f 1",                                                            "HSETNX a f 1",                                  ""                                                        },
    {"HSET a f 1 g 1",                                                        "HDEL a f x",                                    "hdel a"                                                  },
    {"HSET a f 1",                                                            "HDEL a f",                                      "hdel a, del a"                                           },
    {"HSET a f 1",                                                            "HDEL a g",                                      ""                                                        },
    {"HSET a f 1",                                                            "HINCRBY a f 1",                                 "hincrby a"                                               },
    {"",                                                                      "HINCRBYFLOAT a f 1",                            "new a, hincrbyfloat a"                                   },
    {"HSET a f x",                                                            "HINCRBY a f 1",                                 ""                                                        },
    {"HSET a f x",                                                            "HEXPIRE a 10 FIELDS 1 f",                       "hexpire a"                                               },
    {"HSET a f x",                                                            "HPEXPIRE a 10 FIELDS 2 f g",                    "hexpire a"                                               },
    {"HSET a f x",                                                            "HEXPIREAT a 9999999999 FIELDS 1 f",             "hexpire a"                                               },
    {"HSET a f x",                                                            "HPEXPIREAT a 9999999999999 FIELDS 1 f",         "hexpire a"                                               },
    {"HSET a f x",                                                            "HEXPIRE a 10 XX FIELDS 1 f",                    ""                                                        },
    {"HSET a f x g x",                                                        "HEXPIRE a 0 FIELDS 1 f",                        "hdel a"                                                  },
    {"HSET a f x",                                                            "HEXPIRE a 0 FIELDS 1 f",                        "hdel a, del a"                                           },
    {"HSETEX a EX 9 FIELDS 1 f x",                                            "HPERSIST a FIELDS 1 f",                         "hpersist a"                                              },
    {"HSET a f x",                                                            "HPERSIST a FIELDS 1 f",                         ""                                                        },
    {"HSET a f x",                                                            "HGETEX a EX 10 FIELDS 1 f",                     "hexpire a"                                               },
    {"HSETEX a EX 9 FIELDS 1 f x",                                            "HGETEX a PERSIST FIELDS 1 f",                   "hpersist a"                                              },
    {"HSET a f x",                                                            "HGETEX a PXAT 1 FIELDS 1 f",                    "hdel a, del a"                                           },
    {"HSET a f x g x",                                                        "HGETDEL a FIELDS 1 f",                          "hdel a"                                                  },
    {"HSET a f x",                                                            "HGETDEL a FIELDS 2 f g",                        "hdel a, del a"                                           },
    {"",                                                                      "HSETEX a FIELDS 1 f x",                         "new a, hset a"                                           },
    {"",                                                                      "HSETEX a EX 10 FIELDS 1 f x",                   "new a, hset a, hexpire a"                                },
    {"HSET a f x",                                                            "HSETEX a FNX FIELDS 1 f x",                     ""                                                        },
    {"HSET a f x",                                                            "HSETEX a PXAT 1 FIELDS 1 f x",                  "hdel a, del a"                                           },
    {"",                                                                      "ZADD a 1 x",                                    "new a, zadd a"                                           },
    {"ZADD a 1 x",                                                            "ZADD a 1 x",                                    ""                                                        },
    {"ZADD a 1 x",                                                            "ZADD a 2 x",                                    "zadd a"                                                  },
    {"ZADD a 1 x",                                                            "ZADD a INCR 2 x",                               "zincr a"                                                 },
    {"ZADD a 1 x",                                                            "ZINCRBY a 2 x",                                 "zincr a"                                                 },
    {"ZADD a 1 x",                                                            "ZINCRBY a 0 x",                                 ""                                                        },
    {"ZADD a 1 x 2 y",                                                        "ZREM a x",                                      "zrem a"                                                  },
    {"ZADD a 1 x",                                                            "ZREM a x",                                      "zrem a, del a"                                           },
    {"ZADD a 1 x 2 y",                                                        "ZREMRANGEBYRANK a 0 0",                         "zremrangebyrank a"                                       },
    {"ZADD a 1 x 2 y",                                                        "ZREMRANGEBYSCORE a 0 9",                        "zremrangebyscore a, del a"                               },
    {"ZADD a 1 x 1 y",                                                        "ZREMRANGEBYLEX a - [x",                         "zremrangebylex a"                                        },
    {"ZADD a 1 x",                                                            "ZREMRANGEBYRANK a 5 9",                         ""                                                        },
    {"ZADD a 1 x 2 y",                                                        "ZPOPMIN a",                                     "zpopmin a"                                               },
    {"ZADD a 1 x 2 y",                                                        "ZPOPMAX a 5",                                   "zpopmax a, del a"                                        },
    {"ZADD a 1 x",                                                            "BZPOPMIN a 0",                                  "zpopmin a, del a"                                        },
    {"ZADD a 1 x 2 y",                                                        "BZPOPMAX x a 0",                                "zpopmax a"                                               },
    {"ZADD a 1 x",                                                            "ZMPOP 1 a MIN",                                 "zpopmin a, del a"                                        },
    {"ZADD a 1 x",                                                            "BZMPOP 0 1 a MAX",                              "zpopmax a, del a"                                        },
    {"ZADD a 1 x; ZADD b 1 x",                                                "ZUNIONSTORE c 2 a b",                           "new c, zunionstore c"                                    },
    {"ZADD a 1 x; SET b 1",                                                   "ZUNIONSTORE b 1 a",                             "overwritten b, type_changed b, zunionstore b"            },
    {"ZADD a 1 x; ZADD b 1 x",                                                "ZINTERSTORE c 2 a b",                           "new c, zinterstore c"                                    },
    {"ZADD a 1 x; ZADD b 1 y",                                                "ZDIFFSTORE b 2 a b",                            "overwritten b, zdiffstore b"                             },
    {"ZADD a 1 x; ZADD b 1 y",                                                "ZDIFFSTORE b 2 a a",                            "del b"                                                   },
    {"ZADD a 1 x",                                                            "ZRANGESTORE b a 0 -1",                          "new b, zrangestore b"                                    },
    {"ZADD a 1 x; SET b 1",                                                   "ZRANGESTORE b a 5 9",                           "del b"                                                   },
    {"",                                                                      "GEOADD a 1 1 x",                                "new a, zadd a"                                           },
    {"GEOADD a 1 1 x",                                                        "GEOADD a 1 1 x",                                ""                                                        },
    {"GEOADD a 1 1 x",                                                        "GEORADIUS a 1 1 9 km STORE b",                  "new b, georadiusstore b"                                 },
    {"GEOADD a 1 1 x",                                                        "GEORADIUSBYMEMBER a x 9 km STOREDIST b",        "new b, georadiusstore b"                                 },
    {"GEOADD a 1 1 x",                                                        "GEOSEARCHSTORE b a FROMMEMBER x BYRADIUS 9 km", "new b, geosearchstore b"                                 },
    {"GEOADD a 1 1 x; SET b 1",                                               "GEORADIUS a 9 9 9 km STORE b",                  "del b"                                                   },
    {"",                                                                      "XADD a 1-1 f x",                                "new a, xadd a"                                           },
    {"XADD a 1-1 f x",                                                        "XADD a MAXLEN 1 2-1 f x",                       "xadd a, xtrim a"                                         },
    {"XADD a 1-1 f x",                                                        "XADD a MAXLEN 5 2-1 f x",                       "xadd a"                                                  },
    {"",                                                                      "XADD a NOMKSTREAM 1-1 f x",                     ""                                                        },
    {"XADD a 1-1 f x",                                                        "XTRIM a MAXLEN 0",                              "xtrim a"                                                 },
    {"XADD a 1-1 f x",                                                        "XTRIM a MAXLEN 1",                              ""                                                        },
    {"XADD a 1-1 f x",                                                        "XDEL a 1-1 2-2",                                "xdel a"                                                  },
    {"XADD a 1-1 f x",                                                        "XDEL a 2-2",                                    ""                                                        },
    {"XADD a 1-1 f x",                                                        "XDELEX a IDS 1 1-1",                            "xdel a"                                                  },
    {"XADD a 1-1 f x",                                                        "XDELEX a IDS 1 2-1",                            ""                                                        },
    {"",                                                                      "XADD a IDMP p i * f x",                         "new a, xadd a"                                           },
    {"XADD a IDMP p i * f x",                                                 "XADD a IDMP p i * f x",                         ""                                                        },
    {"XADD a 1-1 f x",                                                        "XIDMPRECORD a p i 1-1",                         ""                                                        },
    {"XADD a 1-1 f x",                                                        "XCFGSET a IDMP-MAXSIZE 5",                      ""                                                        },
    {"XADD a 1-1 f x",                                                        "XSETID a 5-5",                                  "xsetid a"                                                },
    {"",                                                                      "XGROUP CREATE a g $ MKSTREAM",                  "new a, xgroup-create a"                                  },
    {"XGROUP CREATE a g $ MKSTREAM",                                          "XGROUP CREATE a g $",                           ""                                                        },
    {"XGROUP CREATE a g $ MKSTREAM",                                          "XGROUP SETID a g 0",                            "xgroup-setid a"                                          },
    {"XGROUP CREATE a g $ MKSTREAM",                                          "XGROUP DESTROY a g",                            "xgroup-destroy a"                                        },
    {"XGROUP CREATE a g $ MKSTREAM",                                          "XGROUP DESTROY a h",                            ""                                                        },
    {"XGROUP CREATE a g $ MKSTREAM",                                          "XGROUP CREATECONSUMER a g c",                   "xgroup-createconsumer a"                                 },
    {"XGROUP CREATE a g $ MKSTREAM; XGROUP CREATECONSUMER a g c",             "XGROUP CREATECONSUMER a g c",
     ""                                                                                                                                                                                  },
    {"XGROUP CREATE a g $ MKSTREAM; XGROUP CREATECONSUMER a g c",             "XGROUP DELCONSUMER a g c",
     "xgroup-delconsumer a"                                                                                                                                                              },
    {"XGROUP CREATE a g $ MKSTREAM",                                          "XGROUP DELCONSUMER a g c",                      ""                                                        },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0",                                   "XREADGROUP GROUP g c STREAMS a >",
     "xgroup-createconsumer a"                                                                                                                                                           },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0; XREADGROUP GROUP g c STREAMS a >",
     "XREADGROUP GROUP g c STREAMS a 0",                                                                                       ""                                                        },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0; XREADGROUP GROUP g c STREAMS a >", "XACK a g 1-1",                                  ""                                                        },
    {"",                                                                      "XACK a g 1-1",                                  "keymiss a"                                               },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0; XREADGROUP GROUP g c STREAMS a >",
     "XACKDEL a g IDS 1 1-1",                                                                                                  "xdel a"                                                  },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0; XREADGROUP GROUP g c STREAMS a >", "XCLAIM a g d 0 1-1",
     "xgroup-createconsumer a"                                                                                                                                                           },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0; XREADGROUP GROUP g c STREAMS a >",
     "XAUTOCLAIM a g d 0 0",                                                                                                   "xgroup-createconsumer a"                                 },
    {"XADD a 1-1 f x; XGROUP CREATE a g 0; XREADGROUP GROUP g c STREAMS a >",
     "XNACK a g FAIL IDS 1 1-1",                                                                                               ""                                                        },
    {"",                                                                      "GET a",                                         "keymiss a"                                               },
    {"SET b 1",                                                               "MGET a b c",                                    "keymiss a, keymiss c"                                    },
    {"",                                                                      "EXISTS a",                                      "keymiss a"                                               },
    {"",                                                                      "TTL a",                                         "keymiss a"                                               },
    {"",                                                                      "TYPE a",                                        "keymiss a"                                               },
    {"",                                                                      "OBJECT ENCODING a",                             ""                                                        },
    {"",                                                                      "XREAD STREAMS a 0",                             "keymiss a, keymiss a"                                    },
    {"SET a 1 PXAT 1",                                                        "GET a",                                         "expired a, keymiss a"                                    },
    {"SET a 1 PXAT 1",                                                        "DEL a",                                         "expired a"                                               },
};

struct recorder {
    struct fixture *f;
    struct events events;
    struct buf shown;
};

static void run_all(struct fixture *f, const char *requests)
{
    while (*requests != '\0') {
        const char *end = strstr(requests, "; ");
        size_t len = end != NULL ? (size_t)(end - requests) : strlen(requests);
        char request[256];

        cr_assert_lt(len, sizeof(request));
        memcpy(request, requests, len);
        request[len] = '\0';
        fixture_run(f, request);
        requests += end != NULL ? len + 2 : len;
    }
}

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    events_note(context, event, table, key);
}

static void observe(struct recorder *r)
{
    const struct keyspace_observer observer = {.on = on_change, .context = &r->events};

    r->f->x.events = &r->events;
    keyspace_observe(r->f->x.keyspace, OBSERVER_OF_EVENTS, &observer);
}

static void begin(struct recorder *r, uint32_t classes, const char *before)
{
    *r = (struct recorder){.f = fixture_new(false), .events = {.classes = classes}};
    run_all(r->f, before);
    observe(r);
}

static void end(struct recorder *r)
{
    fixture_free(r->f);
    events_deinit(&r->events);
    buf_deinit(&r->shown);
}

static const char *show(struct recorder *r)
{
    size_t start = 0;

    buf_clear(&r->shown);
    for (size_t i = 0; i < r->events.list.count; i++) {
        const struct event *event = &r->events.list.items[i];

        buf_printf(&r->shown, "%s%s %.*s", i > 0 ? ", " : "", event->name,
                   (int)(event->key_end - start), r->events.keys.data + start);
        if (event->db != 0) {
            buf_printf(&r->shown, "@%u", event->db);
        }
        start = event->key_end;
    }
    events_clear(&r->events);
    return buf_text(&r->shown);
}

Test(events, commands_say_what_they_did_to_keys_in_the_order_that_clients_know)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct recorder r;

        begin(&r, UINT32_MAX, cases[i].before);
        fixture_run(r.f, cases[i].request);
        cr_expect_str_eq(show(&r), cases[i].events, "%s; %s\n  said      %s\n  expected  %s",
                         cases[i].before, cases[i].request, buf_text(&r.shown), cases[i].events);
        end(&r);
    }
}

/* RESTORE, or RESTORE-ASKING, has bytes that no line can hold. */
static void run_restore(struct recorder *r, const char *name, const char *ttl, const char *option)
{
    struct buf payload = {0};
    struct bytes words[] = {bytes_from_text(name),   BYTES_LITERAL("b"),
                            bytes_from_text(ttl),    {0},
                            BYTES_LITERAL("ABSTTL"), bytes_from_text(option)};

    fixture_run(r->f, "DUMP a");
    buf_append_bytes(&payload, buf_bytes(&r->f->reply));
    words[3] = bytes_from(buf_bytes(&payload), bytes_find_byte(buf_bytes(&payload), '\n') + 1);
    words[3].len -= 2;
    fixture_run_words(r->f, words, ARRAY_COUNT(words));
    buf_deinit(&payload);
}

Test(events, restore_says_whether_something_was_in_its_way)
{
    static const struct {
        const char *before;
        const char *ttl;
        const char *events;
    } restores[] = {
        {"SET a 1",            "0", "new b, restore b"                               },
        {"SET a 1; LPUSH b 1", "0", "new b, overwritten b, type_changed b, restore b"},
        {"SET a 1; SET b 1",   "1", "del b"                                          },
        {"SET a 1",            "1", ""                                               },
    };

    for (size_t i = 0; i < 2 * ARRAY_COUNT(restores); i++) {
        const char *name = i < ARRAY_COUNT(restores) ? "RESTORE" : "RESTORE-ASKING";
        size_t at = i % ARRAY_COUNT(restores);
        struct recorder r;

        begin(&r, UINT32_MAX, restores[at].before);
        run_restore(&r, name, restores[at].ttl, "REPLACE");
        cr_expect_str_eq(show(&r), restores[at].events, "%s: %s", restores[at].before,
                         buf_text(&r.shown));
        end(&r);
    }
}

Test(events, there_is_a_case_for_every_command_that_writes)
{
    bool is_covered[COMMAND_COUNT] = {[COMMAND_RESTORE] = true, [COMMAND_RESTORE_ASKING] = true};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct recorder r;

        begin(&r, 0, "");
        fixture_run(r.f, cases[i].request);
        is_covered[r.f->x.spec->id] = true;
        end(&r);
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        cr_expect(is_covered[id] || !spec->is_data || (spec->flags & COMMAND_FLAG_WRITE) == 0, "%s",
                  spec->name);
    }
}

Test(events, what_is_not_wanted_is_not_kept)
{
    struct recorder r;

    begin(&r, EVENT_GENERIC | EVENT_EXPIRED, "SET old 1 PXAT 1");
    fixture_run(r.f, "SET a 1 EX 10");
    cr_assert_str_eq(show(&r), "expire a");
    fixture_run(r.f, "GET old");
    cr_assert_str_eq(show(&r), "expired old");
    fixture_run(r.f, "LPUSH l 1");
    cr_assert_str_eq(show(&r), "");
    end(&r);
}

Test(events, refused_commands_say_nothing)
{
    static const char *const refused[] = {
        "SET a 1 EX 0",
        "SET a 1 EX x",
        "SETEX l 0 x",
        "INCR s",
        "APPEND l x",
        "LPUSH s x",
        "LSET l 9 x",
        "LSET l x x",
        "SADD s x",
        "HSET s f x",
        "HSET h f 1 g",
        "HINCRBY h f x",
        "ZADD s 1 x",
        "ZADD z x x",
        "XADD s 1-1 f x",
        "XADD l 0-0 f x",
        "EXPIRE s x",
        "EXPIRE s 1 NX XX",
        "RENAME none other",
        "RENAMENX none s",
        "COPY s s",
        "MOVE s 0",
        "MOVE s 99",
        "SETBIT s x 1",
        "BITFIELD s SET u65 0 1",
        "PFADD s x",
        "PFMERGE s s",
        "SORT s STORE l",
        "ZUNIONSTORE z 0 z",
        "LMOVE s l LEFT LEFT",
        "SMOVE l l x",
        "GETDEL l",
        "GETEX s EX 0",
        "INCREX s",
        "HEXPIRE l 1 FIELDS 1 f",
        "LPOP l -1",
        "SPOP t -1",
        "ZPOPMIN z -1",
        "XGROUP CREATE none g $",
        "XSETID none 1-1",
        "LINSERT l UP 1 2",
        "LTRIM l x 1",
        "MSET a 1 b",
        "MSETNX a 1 b",
        "SETRANGE s -1 x",
    };

    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        struct recorder r;

        begin(&r, UINT32_MAX,
              "SET s text; RPUSH l 1; SADD t 1; HSET h f x; ZADD z 1 x; XADD x 1-1 f x");
        fixture_run(r.f, refused[i]);
        cr_expect_eq(fixture_reply(r.f)[0], '-', "%s: %s", refused[i], fixture_reply(r.f));
        cr_expect_str_eq(show(&r), "", "%s: %s", refused[i], buf_text(&r.shown));
        end(&r);
    }
}

Test(events, a_replica_hides_what_has_expired_and_says_nothing_of_it)
{
    struct recorder r;

    begin(&r, UINT32_MAX, "SET a 1 PXAT 1; HSET h f x");
    r.f->x.is_primary = false;
    fixture_run(r.f, "GET a");
    cr_assert_str_eq(show(&r), "keymiss a");
    r.f->x.from_primary = true;
    fixture_run(r.f, "DEL a");
    cr_assert_str_eq(show(&r), "del a");
    fixture_run(r.f, "HDEL h f");
    cr_assert_str_eq(show(&r), "hdel h, del h");
    end(&r);
}

Test(events, what_expires_on_its_own_is_told)
{
    struct recorder r;
    bool has_more;

    begin(&r, UINT32_MAX,
          "SET a 1 PX 5; HSETEX h PX 5 FIELDS 1 f x; HSETEX i PX 5 FIELDS 1 f x; HSET i g x");
    r.f->x.now.unix_ms += 10;
    effects_begin(r.f->x.effects, (struct bytes){0}, NULL, 0);
    while (exec_expire(&r.f->x, 1000, 1, &has_more) > 0) {
        (void)has_more;
    }
    (void)show(&r);
    cr_assert_not_null(strstr(buf_text(&r.shown), "expired a"), "%s", buf_text(&r.shown));
    cr_assert_not_null(strstr(buf_text(&r.shown), "hexpired h, del h"), "%s", buf_text(&r.shown));
    cr_assert_not_null(strstr(buf_text(&r.shown), "hexpired i"), "%s", buf_text(&r.shown));
    cr_assert_null(strstr(buf_text(&r.shown), "del i"), "%s", buf_text(&r.shown));
    end(&r);
}

Test(events, a_field_that_a_write_meets_expired_is_told_before_it)
{
    static const struct {
        const char *request;
        const char *events;
    } writes[] = {
        {"HINCRBY h f 1", "hexpired h, hincrby h"},
        {"HSETNX h f 1",  "hexpired h, hset h"   },
        {"HDEL h f",      "hexpired h, del h"    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(writes); i++) {
        struct recorder r;

        begin(&r, UINT32_MAX, "HSETEX h PX 5 FIELDS 1 f x");
        r.f->x.now.unix_ms += 10;
        fixture_run(r.f, writes[i].request);
        cr_expect_str_eq(show(&r), writes[i].events, "%s: %s", writes[i].request,
                         buf_text(&r.shown));
        end(&r);
    }
}

Test(events, slots_are_no_databases)
{
    struct recorder r = {
        .f = fixture_new(true), .events = {.classes = UINT32_MAX, .is_cluster = true}
    };

    observe(&r);
    fixture_run(r.f, "SET somewhere 1");
    cr_assert_str_eq(show(&r), "new somewhere, set somewhere");
    fixture_run(r.f, "SET somewhere 1");
    cr_assert_str_eq(show(&r), "overwritten somewhere, set somewhere");
    end(&r);
}

Test(events, keys_may_be_empty_or_hold_any_bytes)
{
    struct recorder r;
    const struct bytes binary[] = {
        BYTES_LITERAL("SET"), {"\0\r\n\xff", 4},
         BYTES_LITERAL("x")
    };

    begin(&r, EVENT_STRING, "");
    fixture_run(r.f, "SET \"\" x");
    fixture_run_words(r.f, binary, 3);
    cr_assert_eq(r.events.list.count, 2);
    cr_assert_eq(r.events.list.items[0].key_end, 0);
    cr_assert_eq(r.events.list.items[1].key_end, 4);
    cr_assert_arr_eq(r.events.keys.data, "\0\r\n\xff", 4);
    end(&r);
}
