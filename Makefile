# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make help` lists the targets. A user's CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are added to
# the project's own flags, after them. BUILD=DIR builds elsewhere.

VERSION := 0.1.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions

CFLAGS     ?= -O2 -g
INSTALL    ?= install
PKG_CONFIG ?= pkg-config
CLANG      ?= clang
PROVE      ?= prove
# Tests that run at the same time.
JOBS       ?= 1
# How long each fuzz target runs.
FUZZ_SECONDS ?= 30

ifeq ($(SANITIZE),1)
BUILD      ?= build/asan
HARDENING  ?= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LINKING    ?= -fsanitize=address,undefined
else
BUILD      ?= build
HARDENING  ?= -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
LINKING    ?= -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 \
	-Wno-format-nonliteral

# Asked late and once: `make check` may install the libraries first.
PACKAGES := jansson libssh2 libcurl libmnl libpci
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(call pkg,--cflags))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(call pkg,--libs))$(PKG_LIBS)
pkg = $(if $(shell $(PKG_CONFIG) --exists $(PACKAGES) || echo missing),$(error \
	one of these libraries is missing: $(PACKAGES); `make deps` installs them))$(shell \
	$(PKG_CONFIG) $(1) $(PACKAGES))

OWN_FLAGS = -std=gnu11 -D_GNU_SOURCE -DVMFO_VERSION=\"$(VERSION)\" -Isrc -pthread $(WARNINGS)
COMPILE   = $(CC) $(OWN_FLAGS) $(HARDENING) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK      = $(CC) -pthread $(HARDENING) $(LINKING) $(CFLAGS) $(LDFLAGS)

SRC         := $(sort $(wildcard src/*/*.c))
CLI         := $(sort $(wildcard cli/*.c))
UNIT        := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELP   := $(sort $(filter-out $(UNIT),$(wildcard tests/unit/*.c)))
FUZZ        := $(sort $(wildcard tests/fuzz/fuzz_*.c))

objects      = $(patsubst %.c,$(BUILD)/%.o,$(1))
SRC_O       := $(call objects,$(SRC))
CLI_O       := $(call objects,$(CLI))
UNIT_O      := $(call objects,$(UNIT))
UNIT_HELP_O := $(call objects,$(UNIT_HELP))
OBJECTS     := $(SRC_O) $(CLI_O) $(UNIT_O) $(UNIT_HELP_O)

UNIT_TESTS := $(UNIT:%.c=$(BUILD)/%)
CLI_TESTS  := $(sort $(wildcard tests/cli/*.bats))
VM_TESTS   := $(sort $(wildcard tests/vm/*.bats))
LAB_TESTS  := $(sort $(wildcard tests/lab/*.bats))
# Of the patched QEMU: upstream's tests of it, and what its patches mend.
QEMU_QTEST := tests/qemu/virtio-net-failover
QEMU_TESTS := $(QEMU_QTEST) $(sort $(wildcard tests/qemu/*.bats)) tests/qemu/migration

# `make V=1` shows the commands.
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@);)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help install uninstall deps guest programs check check-unit check-cli check-vm \
	check-asan check-all lint format generated bench fuzz fuzz-replay demo clean distclean FORCE \
	lab-up lab-down lab-ssh lab-check lab-bench qemu qemu-stock qemu-refresh qemu-applies qemu-check qemu-qtest install-qemu

all: $(BUILD)/vmfo ## build/vmfo

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

# ---- programs ----

# Rewritten only when the flags are others than last time: then everything is compiled anew.
$(BUILD)/flags: FORCE
	$(shell mkdir -p $(@D))$(file >$@.new,$(COMPILE) $(LINK) $(PKG_LIBS))
	@cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@

# A goal that installs what is missing does so before the first compiler runs.
ifneq ($(filter check% lint bench fuzz% demo generated qemu-check qemu-qtest lab-up lab-check lab-bench,$(MAKECMDGOALS)),)
$(BUILD)/flags: | deps
endif

$(OBJECTS): $(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/libvmfo.a: $(SRC_O)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $(SRC_O)

# All of cli/ but main(), so that unit tests can have it.
$(BUILD)/libcli.a: $(filter-out %/main.o,$(CLI_O))
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/vmfo: $(BUILD)/cli/main.o $(BUILD)/libcli.a $(BUILD)/libvmfo.a
	$(call say,LINK)$(LINK) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

# What several unit tests share is linked into those that use it.
$(BUILD)/tests/unit/libhelp.a: $(UNIT_HELP_O) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $(UNIT_HELP_O)

$(UNIT_TESTS): %: %.o $(BUILD)/tests/unit/libhelp.a $(BUILD)/libcli.a $(BUILD)/libvmfo.a
	$(call say,LINK)$(LINK) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

-include $(OBJECTS:.o=.d)

programs: $(BUILD)/vmfo $(UNIT_TESTS)

# ---- installation ----

install: all ## install below $DESTDIR$PREFIX
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man5' \
		'$(DESTDIR)$(MANDIR)/man7' '$(DESTDIR)$(BASHCOMPDIR)' '$(DESTDIR)$(ZSHCOMPDIR)'
	$(INSTALL) -m 755 $(BUILD)/vmfo '$(DESTDIR)$(BINDIR)/vmfo'
	$(INSTALL) -m 644 $(wildcard man/*.1) '$(DESTDIR)$(MANDIR)/man1'
	$(INSTALL) -m 644 $(wildcard man/*.5) '$(DESTDIR)$(MANDIR)/man5'
	$(INSTALL) -m 644 $(wildcard man/*.7) '$(DESTDIR)$(MANDIR)/man7'
	$(INSTALL) -m 644 completions/vmfo.bash '$(DESTDIR)$(BASHCOMPDIR)/vmfo'
	$(INSTALL) -m 644 completions/_vmfo '$(DESTDIR)$(ZSHCOMPDIR)/_vmfo'

uninstall: ## remove what install installed
	rm -f '$(DESTDIR)$(BINDIR)/vmfo' '$(DESTDIR)$(LIBEXECDIR)/vmfo/qemu-system-x86_64' \
		$(patsubst man/%,'$(DESTDIR)$(MANDIR)/man1/%',$(wildcard man/*.1)) \
		$(patsubst man/%,'$(DESTDIR)$(MANDIR)/man5/%',$(wildcard man/*.5)) \
		$(patsubst man/%,'$(DESTDIR)$(MANDIR)/man7/%',$(wildcard man/*.7)) \
		'$(DESTDIR)$(BASHCOMPDIR)/vmfo' '$(DESTDIR)$(ZSHCOMPDIR)/_vmfo'

# ---- tests: one prove for all that was asked for ----

deps: ## install the Debian packages that are missing
	tests/deps

guest: deps
	tests/guest/build build/guest

# TESTS="FILE..." chooses, MORE_TESTS="FILE..." adds.
run_tests = BUILD_DIR='$(abspath $(BUILD))' VMFO='$(abspath $(BUILD)/vmfo)' \
	VMFO_QEMU_PATCHED='$(abspath $(QEMU))' VMFO_QEMU_STOCK='$(abspath $(QEMU_STOCK))' $(PROVE) --timer --failures --comments \
	--jobs $(JOBS) --exec tests/run-one $(or $(TESTS),$(1)) $(MORE_TESTS)

check: programs guest ## every test, on Debian's QEMU; TESTS="FILE..." chooses
	$(call run_tests,$(UNIT_TESTS) $(CLI_TESTS) $(VM_TESTS))

check-unit: programs
	$(call run_tests,$(UNIT_TESTS))

check-cli: programs
	$(call run_tests,$(CLI_TESTS))

check-vm: programs guest
	$(call run_tests,$(VM_TESTS))

check-all: check qemu qemu-stock ## check, the tests of real VMs on stock and patched QEMU 10.0, qemu-check, lab-check
	+VMFO_TEST_QEMU="$$(tests/qemu-10)" VMFO_TEST_MACHINE=pc-q35-10.0 $(MAKE) check-vm
	+VMFO_TEST_QEMU='$(abspath $(QEMU))' VMFO_TEST_MACHINE=pc-q35-10.0 $(MAKE) check-vm
	+$(MAKE) qemu-check
	+$(MAKE) lab-check

# The same Makefile, with the other flags and folder.
check-asan: deps ## unit and cli tests under ASan and UBSan
	+$(MAKE) SANITIZE=1 BUILD='$(BUILD)/asan' check-fast

check-fast: programs
	$(call run_tests,$(UNIT_TESTS) $(CLI_TESTS))

lint: deps all ## every check of tests/lint; changes nothing
	BUILD_DIR='$(abspath $(BUILD))' VMFO='$(abspath $(BUILD)/vmfo)' tests/lint/run

format: ## clang-format on every C file, in place
	clang-format -i $(wildcard cli/*.[ch] src/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch])

generated: all ## write completions/ and man/vmfo-rules.7 anew from the tables
	VMFO='$(abspath $(BUILD)/vmfo)' tests/lint/completions --write
	VMFO='$(abspath $(BUILD)/vmfo)' tests/lint/rules-page --write

# ---- QEMU with qemu-patches, and without: what is built once is kept in ~/.cache/vmfo ----

QEMU       := $(BUILD)/qemu/qemu-system-x86_64
QEMU_STOCK := $(BUILD)/qemu-stock/qemu-system-x86_64

qemu: ## build/qemu: QEMU 10.0 with qemu-patches; QEMU_SRC=DIR or QEMU_TARBALL=FILE chooses the source
	qemu-patches/build $(BUILD)/qemu

qemu-stock: ## build/qemu-stock: the same without the patches
	qemu-patches/build --stock $(BUILD)/qemu-stock

qemu-refresh: ## fit the patches to the newest QEMU 10.0, or QEMU_SRC, QEMU_TARBALL; CONTINUE=1 goes on
	qemu-patches/refresh $(if $(CONTINUE),--continue) $(BUILD)/qemu-refresh

qemu-applies: ## whether the patches apply to every QEMU 10.0 that the mirror has
	qemu-patches/applies $(BUILD)/qemu-applies

qemu-check: programs guest qemu qemu-stock ## the tests of the patched QEMU: upstream's, and each defect on both
	TEST_TIMEOUT=3600 $(call run_tests,$(QEMU_TESTS))

qemu-qtest: deps qemu ## upstream's test of failover on the patched QEMU
	$(call run_tests,$(QEMU_QTEST))

install-qemu: qemu ## install it as $PREFIX/libexec/vmfo/qemu-system-x86_64
	$(INSTALL) -d '$(DESTDIR)$(LIBEXECDIR)/vmfo'
	$(INSTALL) -m 755 $(QEMU) '$(DESTDIR)$(LIBEXECDIR)/vmfo/qemu-system-x86_64'

bench: all guest qemu qemu-stock ## the measures of README.md
	VMFO='$(abspath $(BUILD)/vmfo)' VMFO_QEMU_PATCHED='$(abspath $(QEMU))' VMFO_QEMU_STOCK='$(abspath $(QEMU_STOCK))' \
		tests/bench

demo: all guest ## launch a VM and migrate it there and back, on two test hosts
	VMFO='$(abspath $(BUILD)/vmfo)' tests/demo

# ---- the lab: two emulated SR-IOV hosts, tests/lab/README.md ----

LAB = VMFO='$(abspath $(BUILD)/vmfo)' tests/lab/lab
# Another QEMU can be given: VMFO_LAB_QEMU=FILE.
lab_needs = all guest $(if $(VMFO_LAB_QEMU),,qemu)

lab-up: $(lab_needs) ## start the hosts alpha and beta; again: bring them the vmfo that was built
	$(LAB) up

lab-down: ## end them
	$(LAB) down

lab-ssh: ## a shell on one of them: H=alpha or H=beta
	$(LAB) ssh '$(or $(H),$(error which host? make lab-ssh H=alpha or H=beta))'

# One lab for all of its files, one after the other; one that was up before stays up. Status 77: no QEMU for it, which
# the tests then say.
lab-check: override JOBS := 1
lab-check: programs $(lab_needs) ## the tests of real VFs, in the lab: 20 minutes
	trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(LAB) status >/dev/null || trap "$(LAB) down" EXIT; \
	$(LAB) up || [ $$? -eq 77 ] || exit; \
	$(call run_tests,$(LAB_TESTS))

lab-bench: $(lab_needs) ## what a VM's peers see of its migrations, by QEMU alone and by vmfo, in the lab: 45 minutes
	VMFO='$(abspath $(BUILD)/vmfo)' tests/lab/bench

# ---- fuzzing: clang's libFuzzer, objects of its own ----

FUZZ_CC    = $(CLANG) $(OWN_FLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_SRC_O := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(SRC))
FUZZERS    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ))

$(FUZZ_SRC_O): $(BUILD)/fuzz/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,FUZZ)$(FUZZ_CC) -fsanitize=fuzzer-no-link $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/libvmfo.a: $(FUZZ_SRC_O)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $(FUZZ_SRC_O)

$(FUZZERS): $(BUILD)/fuzz/%: tests/fuzz/%.c $(wildcard tests/fuzz/*.h) $(BUILD)/fuzz/libvmfo.a
	$(call say,FUZZ)$(FUZZ_CC) -fsanitize=fuzzer $(PKG_CFLAGS) -o $@ $(filter-out %.h,$^) $(PKG_LIBS)

-include $(FUZZ_SRC_O:.o=.d)

fuzz-replay: $(FUZZERS) ## each fuzz target once over the inputs that are kept
	tests/fuzz/run 0 $(FUZZERS)

fuzz: $(FUZZERS) ## each fuzz target for FUZZ_SECONDS (30)
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# ---- and away ----

clean: ## remove what was built, but not the test guest
	rm -rf $(BUILD)/asan $(BUILD)/fuzz $(BUILD)/src $(BUILD)/cli $(BUILD)/tests
	rm -f $(BUILD)/vmfo $(BUILD)/libvmfo.a $(BUILD)/libcli.a $(BUILD)/flags

distclean: ## remove build/
	rm -rf build
