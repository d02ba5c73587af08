# Starling.  `make help` lists the targets.
#
# Every folder of source is a room: it is built into one archive per flavour, and may include
# and link only the rooms it sees (docs/architecture.md, tests/lint/layers.txt).

FLAVOUR ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD := build/$(FLAVOUR)
comma := ,
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wundef -Wcast-qual -Wswitch-enum -Wimplicit-fallthrough -Werror
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -Icommon -Iserver -I. -MMD -MP -g -fno-omit-frame-pointer $(WARN)

CFLAGS_release := -O2 -fomit-frame-pointer
CFLAGS_debug   := -O0 -DSTARLING_DEBUG
CFLAGS_asan    := -O1 -DSTARLING_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan    := -O1 -DSTARLING_DEBUG -fsanitize=thread
# Only for tests/lint/unused.sh: what is not called is not linked.
CFLAGS_lint    := -O0 -g0 -ffunction-sections
CFLAGS  := $(BASE_CFLAGS) $(CFLAGS_$(FLAVOUR))
# The server's hot paths cross rooms whose types are opaque: gcc inlines them when it links the
# program.  Objects hold ordinary code as well, which everything else links.
ifeq ($(FLAVOUR),release)
ROOM_CFLAGS := -O3
ifneq ($(findstring gcc,$(CC)),)
ROOM_CFLAGS += -flto=auto -ffat-lto-objects
LTO_LDFLAGS := -flto=auto -O3
endif
endif
LDFLAGS := $(filter -fsanitize% -fno-sanitize%,$(CFLAGS_$(FLAVOUR))) -pthread $(if $(filter lint,$(FLAVOUR)),-Wl$(comma)--gc-sections)
LDLIBS  := -lm

# ---- rooms, each before those that see it --------------------------------------------------------
# What follows see_ is linked, in this order: what the room includes (tests/lint/layers.txt has
# that list) and what those need in turn.
ROOMS := common/base common/resp common/spec common/segment common/io server/store server/command \
         server/persist server/replication server/council server/move server/copies server/cluster server/session server/config \
         server/stats server/node server/control server/net tests/support tests/disk tests/alone \
         tests/types
see_common/base        :=
see_common/resp        := common/base
see_common/spec        := common/base
see_common/segment     := common/base
see_common/io          := common/resp common/base
see_server/store       := common/spec common/base
see_server/command     := server/store common/spec common/resp common/base
see_server/persist     := server/store common/segment common/spec common/base
see_server/replication := common/resp common/base
see_server/council     := common/spec common/base
see_server/move        := common/spec common/resp common/base
see_server/copies      := common/spec common/base
see_server/cluster     := server/council common/spec common/base
see_server/session     := server/copies common/spec common/resp common/base
see_server/config      := common/spec common/base
see_server/stats       := server/config common/spec common/base
see_server/node        := server/config server/stats server/session server/cluster server/move server/copies \
                          server/council server/replication server/persist server/command server/store \
                          common/segment common/spec common/resp common/base
see_server/control     := server/node $(see_server/node)
see_server/net         := server/node common/io $(see_server/node)
see_cli                := common/io common/segment common/spec common/resp common/base
see_tests/types        := server/store common/spec common/base
see_tests/disk         := server/persist $(see_server/persist)
see_tests/alone        := tests/disk server/control $(see_server/control)
see_tests/support      := server/persist server/store common/segment common/spec common/io common/resp common/base

objects_of  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
archives_of = $(foreach room,$(1),$(BUILD)/$(room)/room.a)
whole_of    = $(call archives_of,$(1) $(see_$(1)))
# Without -fno-lto the linker would do it anyway, a minute for each program, since the objects hold both.
link        = @mkdir -p $(@D) && echo "  LINK  $@" && \
              $(CC) $(LDFLAGS) $(or $(LINK_LTO),-fno-lto) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

.PHONY: all help clean
all: bin/starling-server bin/starling-cli ## build the server and the cli (default)

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18
	@echo; echo "FLAVOUR=release|debug|asan|tsan chooses the build, V=1 shows every command."

# What was compiled with other flags or another compiler is compiled again.
COMPILED_WITH := $(BUILD)/compiled-with
COMPILATION := $(CC) $(CFLAGS) $(ROOM_CFLAGS) $(LDFLAGS) $(LTO_LDFLAGS)
ifneq ($(COMPILATION),$(file <$(COMPILED_WITH)))
$(shell mkdir -p $(BUILD))
$(file >$(COMPILED_WITH),$(COMPILATION))
endif

$(BUILD)/tests/%.o: tests/%.c $(COMPILED_WITH)
	@mkdir -p $(@D) && echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) -Wno-pedantic -c -o $@ $<
$(BUILD)/%.o: %.c $(COMPILED_WITH)
	@mkdir -p $(@D) && echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) $(if $(filter cli/%,$<),,$(ROOM_CFLAGS)) -include common/base/banned.h -c -o $@ $<

define room_rule
$(BUILD)/$(1)/room.a: $(call objects_of,$(1))
	@mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach room,$(ROOMS),$(eval $(call room_rule,$(room))))

$(BUILD)/bin/starling-server: LINK_LTO := $(LTO_LDFLAGS)
$(BUILD)/bin/starling-server: $(BUILD)/server/main.o \
    $(call archives_of,server/net server/control $(see_server/net))
	$(link)
$(BUILD)/bin/starling-cli: $(call objects_of,cli) $(call archives_of,$(see_cli))
	$(link)
# bin/ holds the release build; other flavours keep theirs in build/<flavour>/bin.  A program that
# runs cannot be written to, so a new one takes its name.
PROGRAM_NAMES := starling-server starling-cli
ifeq ($(FLAVOUR),release)
bin/%: $(BUILD)/bin/%
	@mkdir -p bin && cp $< $@.new && mv -f $@.new $@ && echo "  $@"
else
$(PROGRAM_NAMES:%=bin/%) &: FORCE
	@$(MAKE) --no-print-directory FLAVOUR=release $(PROGRAM_NAMES:%=bin/%)
endif

# ---- the main job: a cluster on this machine ---------------------------------------------------
.PHONY: cluster cluster-stop cluster-clean demo demo-celebrity
cluster: all ## build and start a cluster of 3 primaries and 3 replicas on ports 7001-7006
	@docs/demo/cluster.sh start
cluster-stop: ## end that cluster, keep its data
	@docs/demo/cluster.sh stop
cluster-clean: ## end that cluster and remove its data
	@docs/demo/cluster.sh clean
demo: all $(BUILD)/tests/demo/run ## a narrated tour: kill a primary under traffic, watch the take-over
	@STARLING_BIN=$(BUILD)/bin $(BUILD)/tests/demo/run
demo-celebrity: all $(BUILD)/tests/demo/run ## a tour of a key that everybody reads, and that all primaries come to serve
	@STARLING_BIN=$(BUILD)/bin $(BUILD)/tests/demo/run --celebrity
$(BUILD)/tests/demo/run: $(call objects_of,tests/demo) $(call whole_of,tests/support)
	$(link)

# ---- tests --------------------------------------------------------------------------------------
UNIT_ROOMS := $(foreach room,$(filter-out tests/%,$(ROOMS)) cli,$(if $(wildcard tests/unit/$(room)/*.c),$(room)))
UNIT := $(foreach room,$(UNIT_ROOMS),$(BUILD)/tests/unit/$(room)/run)
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ := $(foreach target,$(FUZZ_TARGETS),$(BUILD)/tests/fuzz/replay_$(target))
PROGRAMS := $(BUILD)/bin/starling-server $(BUILD)/bin/starling-cli
# What a fuzz target links: a whole node is enough for all of them.
fuzz_archives := $(call whole_of,tests/alone)
# Unit tests of these rooms need more than the room and what it sees.
more_server/node := tests/alone tests/disk server/control
more_server/control := tests/alone tests/disk
more_cli := tests/support
more_server/store := tests/types
more_server/command := tests/types
more_server/persist := tests/types tests/disk tests/support
# What they share with the tests of another room.
shared_server/control := tests/unit/server/node/lone_node.o

define unit_rule
$(BUILD)/tests/unit/$(1)/run: $(call objects_of,tests/unit/$(1)) $(shared_$(1):%=$(BUILD)/%) \
    $(call archives_of,$(more_$(1))) \
    $(if $(filter cli,$(1)),$(filter-out $(BUILD)/cli/main.o,$(call objects_of,cli)),$(call archives_of,$(1))) \
    $(call archives_of,$(see_$(1)))
	@mkdir -p $$(@D) && echo "  LINK  $$@"
	$(Q)$$(CC) $$(LDFLAGS) -fno-lto -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(LDLIBS) -lcriterion
endef
$(foreach room,$(UNIT_ROOMS),$(eval $(call unit_rule,$(room))))

$(BUILD)/tests/model/run: $(call objects_of,tests/model) $(call whole_of,server/node)
	@mkdir -p $(@D) && echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -fno-lto -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) -lcriterion
$(BUILD)/tests/sim/run: $(call objects_of,tests/sim) $(call archives_of,tests/disk) $(call whole_of,server/control)
	$(link)
$(BUILD)/tests/crash/run: $(call objects_of,tests/crash) $(call whole_of,tests/alone)
	$(link)
$(BUILD)/tests/wire/run: $(call objects_of,tests/wire) $(call whole_of,tests/support)
	$(link)
$(BUILD)/tests/differential/run: $(call objects_of,tests/differential) $(call whole_of,tests/support)
	$(link)
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(fuzz_archives)
	$(link)

SEEDS ?= 1-1000
.PHONY: test unit model sim crash wire differential fuzz-corpus test-programs criterion
test: criterion ## set up, build and run all tests; ends with one line of totals
	@$(MAKE) --no-print-directory -j2 test-programs
	@tests/support/run-tests.sh $(BUILD) $(SEEDS)
test-programs: $(PROGRAMS) $(UNIT) $(BUILD)/tests/model/run $(BUILD)/tests/sim/run $(BUILD)/tests/crash/run \
               $(BUILD)/tests/wire/run $(BUILD)/tests/differential/run $(FUZZ)
criterion: # install Criterion when it is missing
	@tests/support/install.sh criterion/criterion.h libcriterion-dev
unit: criterion $(UNIT) ## run the unit tests alone
	@for program in $(UNIT); do $$program || exit 1; done
model: criterion $(BUILD)/tests/model/run ## run the model tests alone
	@$(BUILD)/tests/model/run
sim: $(BUILD)/tests/sim/run ## run the simulator alone, SEEDS=first-last
	@$(BUILD)/tests/sim/run --seeds $(SEEDS)
.PHONY: mutants
mutants: criterion ## break rules on purpose, ONLY=name, and see that the simulator finds it (JOBS, LIMIT)
	@tests/mutants/run.sh $(ONLY)
crash: $(BUILD)/tests/crash/run ## stop a node at everything its disk does, and start it again
	@$<
wire: $(BUILD)/tests/wire/run $(PROGRAMS) ## run the wire scripts alone
	@STARLING_BIN=$(BUILD)/bin $(BUILD)/tests/wire/run $(sort $(wildcard tests/wire/*.wire))
differential: $(BUILD)/tests/differential/run $(PROGRAMS) ## compare with a stock server that is installed, at random
	@STARLING_BIN=$(BUILD)/bin $<
fuzz-corpus: $(FUZZ) ## run the fuzz targets over their corpora
	@for target in $(FUZZ_TARGETS); do $(BUILD)/tests/fuzz/replay_$$target tests/fuzz/corpus/fuzz_$$target || exit 1; done

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: $(foreach target,$(FUZZ_TARGETS),build/fuzz/fuzz_$(target)) ## fuzz each target with libFuzzer for FUZZ_SECONDS
	@for target in $(FUZZ_TARGETS); do mkdir -p build/fuzz/corpus_$$target; \
	    build/fuzz/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
	        build/fuzz/corpus_$$target tests/fuzz/corpus/fuzz_$$target || exit 1; done
# A whole node checks all 16384 slots at every step with STARLING_DEBUG: its target asks for checks itself.
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c FORCE
	@tests/support/install.sh --library libclang_rt.fuzzer libclang-rt-14-dev clang
	@mkdir -p build/fuzz
	clang -std=c11 -D_GNU_SOURCE $(if $(filter session,$*),,-DSTARLING_DEBUG) -Icommon -Iserver -I. -g -O1 \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< \
	    $(foreach room,$(see_tests/alone) tests/alone,$(wildcard $(room)/*.c)) -lm

# ---- benchmarks: programs, never timed tests ----------------------------------------------------
BENCHES := cache celebrity compare growth hotkeys idle large log move replica save scale sync types
.PHONY: bench $(BENCHES:%=bench-%) bench-micro bench-count
bench: ## run those below one after the other, some ten minutes
	@for bench in $(BENCHES); do $(MAKE) --no-print-directory bench-$$bench || exit 1; done
bench-cache: ## what eviction is worth: hits of a cache smaller than its data, beside an exact LRU
bench-celebrity: ## what copies of a key that everybody reads are worth, and what they cost
bench-compare: ## CPU per operation and bytes per key, beside other servers that are installed
bench-growth: ## what a growing table costs those who read meanwhile
bench-hotkeys: ## how many of the hottest keys are found in a second
bench-idle: ## what connections cost that do nothing
bench-large: ## what saving, syncing and deleting values of millions of members costs the others
bench-log: ## what the log on disk keeps over ends by SIGKILL and restarts, and what it costs
bench-move: ## what a move of slots costs those who write meanwhile, and how long it holds them
bench-replica: ## what a replica costs its primary
bench-save: ## what BGSAVE costs those who write and read meanwhile
bench-scale: ## what the bus of 1,000 nodes carries, and a take-over there
bench-sync: ## what sync-replicas 1 costs those who write
bench-types: ## the same for lists, hashes, sets, sorted sets and streams
bench-micro: $(BUILD)/tests/bench/micro ## nanoseconds that single parts take
	@$<
bench-count: $(BUILD)/tests/bench/micro ## instructions that single parts take, with valgrind
	@tests/bench/count.sh $<
$(BENCHES:%=bench-%): bench-%: $(BUILD)/tests/bench/% $(BUILD)/tests/bench/floor $(PROGRAMS)
	@STARLING_BIN=$(BUILD)/bin $<
$(BUILD)/tests/bench/micro: LINK_LTO := $(LTO_LDFLAGS)
$(BUILD)/tests/bench/micro: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/micro*.c)) \
    $(BUILD)/tests/bench/load.o $(BUILD)/tests/bench/report.o \
    $(call archives_of,server/net server/control $(see_server/net))
	$(link)
BENCH_SHARED := $(patsubst %,$(BUILD)/tests/bench/%.o,footprint listeners load longest measure options peers probe report)
$(BUILD)/tests/bench/celebrity: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/celebrity_*.c))
$(BUILD)/tests/bench/log: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/log_*.c)) \
    $(BUILD)/tests/bench/acked.o $(BUILD)/tests/bench/slow_line.o
$(BUILD)/tests/bench/scale: $(BUILD)/tests/bench/scale.o $(BUILD)/tests/bench/options.o \
    $(call archives_of,server/cluster $(see_server/cluster))
	$(link)
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BENCH_SHARED) $(call whole_of,tests/support)
	$(link)

# ---- pages made from the tables --------------------------------------------------------------------
REFERENCE := $(BUILD)/docs/reference/reference
PAGES := metrics directives
.PHONY: docs
docs: $(REFERENCE) ## write the pages that are made from the tables
	@for page in $(PAGES); do $(REFERENCE) $$page >docs/$$page.md || exit 1; done
$(REFERENCE): $(call objects_of,docs/reference) $(call archives_of,server/stats $(see_server/stats))
	$(link)

# ---- installation: make install PREFIX=/usr DESTDIR=/tmp/package ---------------------------------
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/starling
CONFDIR ?= $(if $(filter /usr,$(PREFIX)),,$(filter-out /usr/local,$(PREFIX)))/etc/starling
UNITDIR ?= $(PREFIX)/lib/systemd/system
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
SHARE := $(BUILD)/share
INSTALLED_PAGES := $(addprefix $(SHARE)/,starling-server.1 starling-cli.1 starling.conf.5 \
                   starling.conf commands starling-server.bash starling.service)

.PHONY: install uninstall
install: $(PROGRAMS) $(INSTALLED_PAGES) ## install into PREFIX (/usr/local), below DESTDIR
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(MANDIR)/man1 $(MANDIR)/man5 $(DOCDIR) $(CONFDIR) \
	    $(UNITDIR) $(COMPLETIONDIR))
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	install -m 644 $(SHARE)/starling-server.1 $(SHARE)/starling-cli.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(SHARE)/starling.conf.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 $(SHARE)/starling.conf LICENSE README.md $(DESTDIR)$(DOCDIR)
	@# A config file that is there stays; a new one may come to hold passwords.
	[ -e $(DESTDIR)$(CONFDIR)/starling.conf ] || \
	    install -m 640 $(SHARE)/starling.conf $(DESTDIR)$(CONFDIR)/starling.conf
	install -m 644 $(SHARE)/starling.service $(DESTDIR)$(UNITDIR)
	install -m 644 $(SHARE)/starling-server.bash $(DESTDIR)$(COMPLETIONDIR)/starling-server
	ln -sf starling-server $(DESTDIR)$(COMPLETIONDIR)/starling-cli
uninstall: ## remove what install put there; config files and data stay
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/starling-server $(BINDIR)/starling-cli \
	    $(MANDIR)/man1/starling-server.1 $(MANDIR)/man1/starling-cli.1 \
	    $(MANDIR)/man5/starling.conf.5 $(DOCDIR)/starling.conf $(DOCDIR)/LICENSE \
	    $(DOCDIR)/README.md $(UNITDIR)/starling.service $(COMPLETIONDIR)/starling-server \
	    $(COMPLETIONDIR)/starling-cli)

$(SHARE)/%.1: $(BUILD)/bin/% docs/install/man.awk
	@mkdir -p $(@D) && $< --help | awk -v name=$* -f docs/install/man.awk \
	    -v also='starling-server(1), starling-cli(1), starling.conf(5)' >$@
$(SHARE)/starling.conf: $(REFERENCE)
	@mkdir -p $(@D) && $< conf >$@
$(SHARE)/starling.conf.5: $(REFERENCE)
	@mkdir -p $(@D) && $< man-conf >$@
$(SHARE)/commands: $(REFERENCE)
	@mkdir -p $(@D) && $< commands >$@
$(SHARE)/starling-server.bash: docs/install/completion.sh $(SHARE)/commands $(PROGRAMS)
	@docs/install/completion.sh $(BUILD)/bin $(SHARE)/commands >$@
$(SHARE)/starling.service: docs/install/starling.service FORCE
	@mkdir -p $(@D) && sed 's,@BINDIR@,$(BINDIR),; s,@CONFDIR@,$(CONFDIR),' $< >$@

# ---- checks of the source ----------------------------------------------------------------------
.PHONY: lint lint-table format
lint: ## check format, layers, lengths, headers; run clang-tidy and cppcheck
	@tests/lint/lint.sh
lint-table: all ## how the house stands: circles, lengths, parts, assertions, what nobody calls
	@tests/lint/table.sh
format: ## bring all sources into the house's format
	@git ls-files '*.c' '*.h' | grep -v -e '_tables.h$$' | xargs clang-format -i

clean: ## remove everything that was built
	rm -rf build bin

.PHONY: FORCE
FORCE:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
