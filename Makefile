# make            builds ./gradc (cc, make, lemon)
# make check      the tests, at most 6 minutes on 2 cores;  make check-all  the same suites, each in full
# make check-isa  the other instruction sets and compilers, under qemu
# make fuzz       random graphs and programs: SECONDS=300, SEED (a new one), JOBS (one a core)
# make install    into PREFIX (/usr/local), below DESTDIR; make uninstall; make lib  the library alone
# make demo       trains the digits model;  make bench  gradc beside PyTorch
CC ?= cc
LEMON ?= lemon
BUILD ?= build
CFLAGS ?= -O2 -g
OBJCOPY ?= objcopy
WARN = -Wall -Wextra
LIBS = -lm -ldl -lpthread
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -ffp-contract=off -fPIC -fvisibility=hidden -I. -I$(BUILD) -MMD -MP

DIRS = ir frontend passes codegen codegen/c codegen/jit lib driver
SRCS = $(sort $(foreach d,$(DIRS),$(wildcard $(d)/*.c)))
OBJS = $(SRCS:%.c=$(BUILD)/%.o) $(BUILD)/frontend/nn.o $(BUILD)/embed.o

# Objects of sources that are gone; the tests link all that they find.
STALE = $(filter-out $(OBJS) $(RT_OBJS),$(wildcard $(DIRS:%=$(BUILD)/%/*.o) $(BUILD)/runtime/*.o))

# Side by side on all processors, unless the caller says how many, or cleans before.
ifeq ($(MAKELEVEL)$(findstring -j,$(MAKEFLAGS))$(filter clean,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

all: gradc
	@rm -f $(STALE)

# For a BUILD with other flags (tests/asan.sh).
objects: $(filter-out $(BUILD)/embed.o,$(OBJS))
	@rm -f $(STALE)

gradc: $(BUILD)/gradc
	cp $< $@.new && mv $@.new $@

$(BUILD)/gradc: $(OBJS) $(BUILD)/libgradc_rt.a
	$(CC) $(CFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

# The grammar: lemon writes nn.c and nn.h.
$(BUILD)/frontend/nn.c: frontend/nn.y
	@mkdir -p $(@D)
	$(LEMON) -q -d$(@D) $<

$(BUILD)/frontend/nn.h: $(BUILD)/frontend/nn.c

$(BUILD)/frontend/nn.o: $(BUILD)/frontend/nn.c
	$(CC) $(ALL_CFLAGS) -DNDEBUG -Wno-unused-parameter -Ifrontend -c $< -o $@

$(SRCS:%.c=$(BUILD)/%.o): | $(BUILD)/frontend/nn.c

# The runtime: an archive that programs link, and that gradc itself uses to read weights.
RT_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard runtime/*.c)))
$(RT_OBJS): ALL_CFLAGS = -std=gnu11 $(WARN) -O2 -ffp-contract=off -fPIC -fvisibility=hidden -MMD -MP
$(BUILD)/libgradc_rt.a: $(RT_OBJS)
	rm -f $@ && ar rcs $@ $^

# The library: the compiler and of the runtime what is not a program's. Its names but gradc_* are its own.
VERSION = $(shell sed -n 's/^\#define GRADC_VERSION "\(.*\)"/\1/p' lib/gradc.h)
LIB_OBJS = $(filter-out $(BUILD)/driver/%,$(OBJS))
lib: $(BUILD)/libgradc.a $(BUILD)/libgradc.so.0

$(BUILD)/libgradc.a: $(LIB_OBJS) $(BUILD)/libgradc_rt.a
	$(LD) -r -o $(BUILD)/libgradc.o $^
	$(OBJCOPY) --localize-hidden $(BUILD)/libgradc.o
	rm -f $@ && $(AR) rcs $@ $(BUILD)/libgradc.o && rm $(BUILD)/libgradc.o

$(BUILD)/libgradc.so.0: $(LIB_OBJS) $(BUILD)/libgradc_rt.a lib/gradc.map
	$(CC) $(CFLAGS) -shared -Wl,-soname,libgradc.so.0 -Wl,--version-script,lib/gradc.map -Wl,-z,defs -Wl,-z,now \
	  -o $@ $(filter %.o %.a,$^) $(LIBS)

# The compiler within: a shared object over the libraries of clang, any of 14 to 19, which gradc carries. LLVM_CONFIG=no
# leaves it out, and models are compiled by cc alone.
ifndef LLVM_CONFIG
LLVM_CONFIG := $(shell CXX="$(CXX)" sh codegen/jit/find.sh)
endif
ifneq ($(filter-out no,$(LLVM_CONFIG)),)
SHIM = $(BUILD)/codegen/jit/shim.so
$(BUILD)/codegen/jit/shim.o: ALL_CFLAGS += -DGRADC_SHIM='"$(SHIM)"'
$(BUILD)/codegen/jit/shim.o: $(SHIM)
$(SHIM): codegen/jit/jit_clang.cpp codegen/jit/find.sh codegen/jit/way.h codegen/jit/jit.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O1 -fno-rtti -fPIC -shared -s $(WARN) -I. -isystem `$(LLVM_CONFIG) --includedir` -o $@ $< \
	  `sh codegen/jit/find.sh resource $(LLVM_CONFIG)` \
	  `ls \`$(LLVM_CONFIG) --libdir\`/libclang-cpp.so* | head -n 1` `$(LLVM_CONFIG) --link-shared --ldflags --libs`
endif

# The contractions of every machine, as objects.
$(BUILD)/sums.stamp: codegen/sums/make.sh codegen/c/gemm.inc $(BUILD)/mksums
	sh codegen/sums/make.sh "$(CC)" $(BUILD)/mksums codegen/c/gemm.inc $(BUILD)/sums
	@touch $@

$(BUILD)/mksums: codegen/sums/main.c $(filter-out $(BUILD)/driver/% $(BUILD)/lib/% $(BUILD)/embed.o,$(OBJS))
	$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -o $@ $^ -lm -ldl -lpthread

# Everything that gradc carries inside itself, by its path within the source tree or the build folder.
EMBED = $(sort $(wildcard std/*.nn runtime/*.nn runtime/*.c runtime/*.h runtime/*.def ir/prim*.h ir/decimal.h codegen/c/*.inc)) $(BUILD)/libgradc_rt.a
$(BUILD)/embed.c: lib/embed.sh $(EMBED) $(BUILD)/sums.stamp
	@mkdir -p $(@D)
	sh lib/embed.sh $(BUILD) $(EMBED) $(BUILD)/sums/*.obj > $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	$(CC) $(ALL_CFLAGS) -c $< -o $@

# GNU conventions: PREFIX, or each folder by itself; DESTDIR for packages.
PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
mandir ?= $(PREFIX)/share/man
INSTALL ?= install
define PC
prefix=$(PREFIX)
libdir=$(libdir)
includedir=$(includedir)

Name: gradc
Description: compiler for neural networks, as a library
Version: $(VERSION)
Libs: -L$${libdir} -lgradc
Libs.private: $(LIBS)
Cflags: -I$${includedir}
endef
export PC

install: all lib
	$(INSTALL) -d $(addprefix "$(DESTDIR)",$(bindir) $(libdir)/pkgconfig $(includedir) $(mandir)/man1)
	$(INSTALL) -m 755 gradc "$(DESTDIR)$(bindir)/gradc"
	$(INSTALL) -m 755 $(BUILD)/libgradc.so.0 "$(DESTDIR)$(libdir)/libgradc.so.0"
	ln -sf libgradc.so.0 "$(DESTDIR)$(libdir)/libgradc.so"
	$(INSTALL) -m 644 $(BUILD)/libgradc.a "$(DESTDIR)$(libdir)/libgradc.a"
	$(INSTALL) -m 644 lib/gradc.h "$(DESTDIR)$(includedir)/gradc.h"
	printf '%s\n' "$$PC" > "$(DESTDIR)$(libdir)/pkgconfig/gradc.pc"
	./gradc help --man > "$(DESTDIR)$(mandir)/man1/gradc.1"

uninstall:
	rm -f "$(DESTDIR)$(bindir)/gradc" $(addprefix "$(DESTDIR)$(libdir)"/,libgradc.so.0 libgradc.so libgradc.a \
	  pkgconfig/gradc.pc) "$(DESTDIR)$(includedir)/gradc.h" "$(DESTDIR)$(mandir)/man1/gradc.1"

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

check:
	@sh tests/setup.sh check
	@$(MAKE) -s all
	@sh tests/check.sh ./gradc $(BUILD)

check-all:
	@FULL=1 $(MAKE) -s check

check-isa:
	@sh tests/setup.sh isa
	@$(MAKE) -s all
	@sh tests/check.sh ./gradc $(BUILD) isa

SECONDS ?= 300
fuzz:
	@sh tests/setup.sh check
	@$(MAKE) -s all
	@sh tests/random/fuzz.sh $(BUILD) $(SECONDS) "$(SEED)" "$(JOBS)"

demo:
	@sh tests/setup.sh build
	@$(MAKE) -s all
	@sh examples/demo.sh ./gradc

bench: all
	@sh bench/run.sh

clean:
	rm -rf $(BUILD) gradc

.PHONY: all objects lib install uninstall clean check check-all check-isa fuzz demo bench
