# Starling.  `make help` lists the targets.
#
# Every folder of source is a room: it is built into one archive per flavour, and may include
# and link only the rooms it sees (docs/architecture.md, tests/lint/layers.txt).

FLAVOUR ?= release
CC      ?= gcc
BUILD   := build/$(FLAVOUR)
SHELL   := /bin/bash
.DELETE_ON_ERROR:

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wundef -Wcast-qual -Wswitch-enum -Wimplicit-fallthrough -Werror
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -Icommon -Iserver -I. -MMD -MP -g -fno-omit-frame-pointer $(WARN)

CFLAGS_release := -O2
CFLAGS_debug   := -O0 -DSTARLING_DEBUG
CFLAGS_asan    := -O1 -DSTARLING_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan    := -O1 -DSTARLING_DEBUG -fsanitize=thread
CFLAGS  := $(BASE_CFLAGS) $(CFLAGS_$(FLAVOUR))
LDFLAGS := $(filter -fsanitize% -fno-sanitize%,$(CFLAGS_$(FLAVOUR))) -pthread
LDLIBS  := -lm

# ---- rooms, each before those that see it; link order is the reverse ---------------------------
ROOMS := common/base common/resp common/spec common/io server/store server/command \
         server/persist server/replication server/cluster server/session server/node server/net cli \
         tests/support tests/sim
see_common/base        :=
see_common/resp        := common/base
see_common/spec        := common/base
see_common/io          := common/resp common/base
see_server/store       := common/spec common/base
see_server/command     := server/store common/spec common/resp common/base
see_server/persist     := server/store common/spec common/base
see_server/replication := common/resp common/base
see_server/cluster     := common/spec common/base
see_server/session     := common/spec common/resp common/base
see_server/node        := server/session server/cluster server/replication server/persist \
                          server/command server/store common/spec common/resp common/base
see_server/net         := server/node common/io $(see_server/node)
see_cli                := common/io common/spec common/resp common/base
see_tests/support      := server/net $(see_server/net)
see_tests/sim          := server/node $(see_server/node)

sources_of = $(wildcard $(1)/*.c)
objects_of = $(patsubst %.c,$(BUILD)/%.o,$(call sources_of,$(1)))
archive_of = $(BUILD)/$(1)/room.a
archives_of = $(foreach room,$(1) $(see_$(1)),$(call archive_of,$(room)))
link = $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

.PHONY: all help clean
all: bin/starling-server bin/starling-cli ## build the server and the cli (default)

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -include common/base/banned.h -c -o $@ $<

define room_rule
$(call archive_of,$(1)): $(call objects_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach room,$(ROOMS),$(eval $(call room_rule,$(room))))

$(BUILD)/bin/starling-server: $(BUILD)/server/main.o $(call archives_of,server/net)
	@mkdir -p $(@D)
	$(link)
$(BUILD)/bin/starling-cli: $(call objects_of,cli) $(foreach room,$(see_cli),$(call archive_of,$(room)))
	@mkdir -p $(@D)
	$(link)
bin/%: build/release/bin/%
	@mkdir -p bin
	cp $< $@
# Other flavours keep their programs in build/<flavour>/bin.
ifneq ($(FLAVOUR),release)
build/release/bin/%: FORCE
	$(MAKE) FLAVOUR=release $@
endif

# ---- tests: one Criterion program per folder of tests ------------------------------------------
UNIT_ROOMS := $(filter-out tests/%,$(foreach room,$(ROOMS),$(if $(wildcard tests/unit/$(room)/*.c),$(room))))
UNIT_PROGRAMS := $(foreach room,$(UNIT_ROOMS),$(BUILD)/tests/unit/$(room)/run)

# Test programs see the banned functions too, but link Criterion.
$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Wno-pedantic -c -o $@ $<

define unit_rule
$(BUILD)/tests/unit/$(1)/run: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/$(1)/*.c)) \
    $(foreach room,$(if $(filter cli,$(1)),,$(1)) $(see_$(1)),$(call archive_of,$(room))) \
    $(if $(filter cli,$(1)),$(filter-out $(BUILD)/cli/main.o,$(call objects_of,cli)))
	$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(LDLIBS) -lcriterion
endef
$(foreach room,$(UNIT_ROOMS),$(eval $(call unit_rule,$(room))))

.PHONY: unit
unit: $(UNIT_PROGRAMS) ## build and run the unit tests
	@for program in $(UNIT_PROGRAMS); do $$program --quiet || exit 1; done

clean: ## remove everything that was built
	rm -rf build bin

.PHONY: FORCE
FORCE:
-include $(shell find build/$(FLAVOUR) -name '*.d' 2>/dev/null)
