# SPDX-License-Identifier: Apache-2.0
# @NAME@ on @TITLE@. make run: the example in qemu (@MACHINE_IS@); make host: on this machine;
# make count: instructions; make size: bytes of flash and RAM.
CROSS ?= @PREFIX@
QEMU ?= @QEMU@
OPT ?= -O2
HOSTCC ?= cc
CPU = @CPU@
FLAGS = @FLAGS@
LINK = @LINK@
TEXT = @TEXT@
SOURCES = main.c @NAME@.c startup.c
HEADERS = @NAME@.h example.h board.h board.ld
NEEDS = command -v $(1) >/dev/null || { echo "$(1) is missing: on Debian, apt-get install $(2)" >&2; exit 1; }

all: build/@NAME@.elf
run: build/@NAME@.elf
	@$(call NEEDS,$(QEMU),@QEMU_PACKAGE@)
	@$(QEMU) @MACHINE@ $(TEXT) -kernel $<
host: build/@NAME@-host
	@./$<
size: build/@NAME@.elf
	$(CROSS)size -A $<
count: build/@NAME@-count.elf
	@$(call NEEDS,$(QEMU),@QEMU_PACKAGE@)
	@$(QEMU) @MACHINE@ -icount shift=@SHIFT@ $(TEXT) -kernel $< | awk '{ print } \
	  /^ticks/ { n = ($$2 * 4294967296 + $$3) * @NS@ / @SCALE@ } END { printf "%.0f instructions\n", n }'

build/@NAME@.elf: $(SOURCES) $(HEADERS)
	@$(call NEEDS,$(CROSS)gcc,@PACKAGE@)
	@mkdir -p build
	$(CROSS)gcc $(CPU) $(OPT) $(FLAGS) $(CFLAGS) $(SOURCES) $(LINK) -o $@
build/@NAME@-count.elf: $(SOURCES) $(HEADERS)
	@$(call NEEDS,$(CROSS)gcc,@PACKAGE@)
	@mkdir -p build
	$(CROSS)gcc $(CPU) $(OPT) $(FLAGS) -DCOUNT -DSTEPS=2 $(CFLAGS) $(SOURCES) $(LINK) -o $@
build/@NAME@-host: main.c @NAME@.c host.c $(HEADERS)
	@mkdir -p build
	$(HOSTCC) -O2 -std=c99 $(CFLAGS) main.c @NAME@.c host.c -o $@

clean:
	rm -rf build
.PHONY: all run host size count clean
