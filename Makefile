# SPDX-License-Identifier: Apache-2.0
# make            builds ./gradc (cc, make, lemon)
# make check      the tests, about 6 minutes on 2 cores;  make check-all  the same suites, each in full
# make check-isa  the other instruction sets and compilers, under qemu
# make gpu-prepare  builds what a GPU is to run, on any machine with nvcc; on the one with the GPU then
#                 make check-gpu (4 minutes at most), make bench-gpu (8)
# make fuzz       random graphs and programs: SECONDS=300, SEED (a new one), JOBS (one a core)
# make install    into PREFIX (/usr/local), below DESTDIR; make uninstall; make lib  only the library
# make demo       trains the digits model;  make bench  gradc beside PyTorch
CC ?= cc
LEMON ?= lemon
BUILD ?= build
CFLAGS ?= -O2 -g
OBJCOPY ?= objcopy
WARN = -Wall -Wextra
LIBS = -lm -ldl -lpthread

# The libraries that decode pictures, where they are found; PICTURES=no leaves them out. picture_libs is what a link
# needs that is to have them.
ifndef PICTURES
has = $(shell printf '\043include <stdio.h>\n\043include <$(1)>\nint main(void) { return $(2); }\n' | \
  $(CC) -x c -w -o /dev/null - $(3) 2>/dev/null && echo yes)
PICTURES := $(if $(call has,png.h,png_sig_cmp(0,0,0),-lpng),png) \
  $(if $(call has,jpeglib.h,jpeg_quality_scaling(1),-ljpeg),jpeg)
endif
PICTURES := $(filter png jpeg,$(PICTURES))
PICTURE_FLAGS = $(if $(filter png,$(PICTURES)),-DGC_PNG) $(if $(filter jpeg,$(PICTURES)),-DGC_JPEG)
BESIDE = $(if $(PICTURES),-Wl$(comma)-rpath$(comma)'$$ORIGIN') # a wheel has these libraries beside the objects
comma := ,
PICTURE_LIBS = $(PICTURES:%=-Wl,-u,picture_%) $(PICTURES:%=-l%)
# The server loads libmicrohttpd when it starts; SERVE=no leaves it out.
ifndef SERVE
SERVE := $(shell printf '\043include <microhttpd.h>\n' | $(CC) -x c -fsyntax-only - 2>/dev/null && echo yes)
endif
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -ffp-contract=off -fPIC -fvisibility=hidden -I. -I$(BUILD) -MMD -MP

DIRS = ir frontend frontend/syntax frontend/elab frontend/builtins frontend/sections \
  import export weights passes $(patsubst %/,%,$(wildcard passes/*/)) codegen codegen/text codegen/c codegen/cuda codegen/build codegen/jit lib driver driver/lsp
SRCS = $(sort $(foreach d,$(DIRS),$(wildcard $(d)/*.c)))
OBJS = $(SRCS:%.c=$(BUILD)/%.o) $(BUILD)/frontend/syntax/nn.o $(BUILD)/embed.o

# Objects whose source is gone; the tests link every object they find.
STALE = $(filter-out $(OBJS) $(RT_OBJS),$(wildcard $(DIRS:%=$(BUILD)/%/*.o) $(BUILD)/runtime/*.o $(BUILD)/serve/*.o))

# Parallel on all processors, unless the caller gives -j or runs clean.
ifeq ($(MAKELEVEL)$(findstring -j,$(MAKEFLAGS))$(filter clean,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

all: gradc $(BUILD)/libgradc_cuda_host.a $(BUILD)/libgradc_cuda_driver.so
	@rm -f $(STALE)

# For a BUILD with other flags (tests/asan.sh).
objects: $(filter-out $(BUILD)/embed.o,$(OBJS))
	@rm -f $(STALE)

gradc: $(BUILD)/gradc
	cp $< $@.new && mv $@.new $@

$(BUILD)/gradc: $(OBJS) $(BUILD)/libgradc_rt.a
	$(CC) $(CFLAGS) -o $@ $^ -Wl,-u,gc_generate $(PICTURE_LIBS) $(BESIDE) $(LIBS)

$(BUILD)/driver/toolchain.o: ALL_CFLAGS += -DPICTURE_FLAGS='"$(PICTURE_FLAGS)"' -DPICTURE_LIBS='"$(PICTURE_LIBS)"'

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

# The grammar: lemon writes nn.c and nn.h.
$(BUILD)/frontend/syntax/nn.c: frontend/syntax/nn.y
	@mkdir -p $(@D)
	$(LEMON) -q -d$(@D) $<

$(BUILD)/frontend/syntax/nn.h: $(BUILD)/frontend/syntax/nn.c

$(BUILD)/frontend/syntax/nn.o: $(BUILD)/frontend/syntax/nn.c
	$(CC) $(ALL_CFLAGS) -DNDEBUG -Wno-unused-parameter -c $< -o $@

$(SRCS:%.c=$(BUILD)/%.o): | $(BUILD)/frontend/syntax/nn.c

# The runtime: an archive that training binaries link, and gradc itself.
RT_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard runtime/*.c serve/*.c)))
RT_CFLAGS = -O2
$(RT_OBJS): ALL_CFLAGS = -std=gnu11 $(WARN) $(RT_CFLAGS) -ffp-contract=off -fPIC -fvisibility=hidden -I. -MMD -MP \
  $(PICTURE_FLAGS) $(if $(filter yes,$(SERVE)),-DGC_SERVE)
$(BUILD)/libgradc_rt.a: $(RT_OBJS)
	rm -f $@ && ar rcs $@ $^

# The host form of CUDA kernels: what they link when they run on a CPU.
HOST_OBJS = $(patsubst codegen/cuda/host/%.c,$(BUILD)/cuda_host/%.o,$(sort $(wildcard codegen/cuda/host/*.c)))
$(BUILD)/cuda_host/%.o: codegen/cuda/host/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARN) -O2 -g1 -ffp-contract=off -fPIC -fvisibility=hidden -I. -MMD -MP -c $< -o $@
$(BUILD)/cuda_host.o: $(HOST_OBJS)
	$(LD) -r -o $@.new $^
	$(OBJCOPY) --localize-hidden --wildcard --localize-symbol='cu[A-Z]*' --localize-symbol='cublasLt*' $@.new && mv $@.new $@
$(BUILD)/libgradc_cuda_host.a: $(BUILD)/cuda_host.o
	rm -f $@ && $(AR) rcs $@ $<
# Its driver as a library with the symbols of libcuda.so.1, for programs that load one.
$(BUILD)/libgradc_cuda_driver.so: $(HOST_OBJS)
	$(CC) -shared -Wl,-soname,libgradc_cuda_driver.so -Wl,-z,defs -o $@ $^ -lm -ldl -lpthread

# The library: compiler and runtime. Of their symbols only gradc_* are exported.
VERSION = $(shell sed -n 's/^\#define GRADC_VERSION "\(.*\)"/\1/p' lib/gradc.h)
LIB_OBJS = $(filter-out $(BUILD)/driver/%,$(OBJS))
lib: $(BUILD)/libgradc.a $(BUILD)/libgradc.so.0

$(BUILD)/libgradc.a: $(LIB_OBJS) $(BUILD)/libgradc_rt.a
	$(LD) -r $(PICTURES:%=-u picture_%) -o $(BUILD)/libgradc.o $^
	$(OBJCOPY) --localize-hidden $(BUILD)/libgradc.o
	rm -f $@ && $(AR) rcs $@ $(BUILD)/libgradc.o && rm $(BUILD)/libgradc.o

$(BUILD)/libgradc.so.0: $(LIB_OBJS) $(BUILD)/libgradc_rt.a lib/gradc.map
	$(CC) $(CFLAGS) -shared -Wl,-soname,libgradc.so.0 -Wl,--version-script,lib/gradc.map -Wl,-z,defs -Wl,-z,now \
	  -o $@ $(filter %.o %.a,$^) $(PICTURE_LIBS) $(BESIDE) $(LIBS)

# The clang backend of codegen/jit: a shared object over the libraries of clang 14 to 19, embedded in gradc.
# LLVM_CONFIG=no leaves it out; models are then compiled by cc.
ifndef LLVM_CONFIG
LLVM_CONFIG := $(shell CXX="$(CXX)" sh codegen/jit/find_llvm.sh)
endif
ifneq ($(filter-out no,$(LLVM_CONFIG)),)
SHIM = $(BUILD)/codegen/jit/shim.so
$(BUILD)/codegen/jit/shim.o: ALL_CFLAGS += -DGRADC_SHIM='"$(SHIM)"'
$(BUILD)/codegen/jit/shim.o: $(SHIM)
$(SHIM): codegen/jit/backend_clang.cpp codegen/jit/find_llvm.sh codegen/jit/backend.h codegen/jit/jit.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O1 -fno-rtti -fPIC -shared -s $(WARN) -I. -isystem `$(LLVM_CONFIG) --includedir` -o $@ $< \
	  `sh codegen/jit/find_llvm.sh resource $(LLVM_CONFIG)` \
	  `ls \`$(LLVM_CONFIG) --libdir\`/libclang-cpp.so* | head -n 1` `$(LLVM_CONFIG) --link-shared --ldflags --libs`
endif

# Prebuilt objects of the contractions, one for each machine and mode.
$(BUILD)/prebuilt.stamp: codegen/c/prebuilt/make.sh codegen/c/gemm.inc codegen/c/conv_rows.inc $(BUILD)/mkgemm
	sh codegen/c/prebuilt/make.sh "$(CC)" $(BUILD)/mkgemm codegen/c/gemm.inc codegen/c/conv_rows.inc $(BUILD)/prebuilt
	@touch $@

$(BUILD)/mkgemm: codegen/c/prebuilt/main.c $(filter-out $(BUILD)/driver/% $(BUILD)/import/% $(BUILD)/export/% $(BUILD)/weights/% $(BUILD)/lib/% $(BUILD)/embed.o,$(OBJS))
	$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -o $@ $^ -lm -ldl -lpthread

# The embedded files, named by their paths in the source tree or the build folder.
EMBED = $(sort $(wildcard import/*.nn weights/maps/*.map std/*.nn runtime/*.nn runtime/*.c runtime/*.h runtime/*.def serve/*.c serve/*.h driver/new/*.nn prim/prim*.h prim/decimal.h codegen/c/*.inc codegen/cuda/*.inc codegen/cuda/device_host.h \
  codegen/c/project/* codegen/cuda/host/driver.h docs/std.md)) \
  $(BUILD)/libgradc_rt.a $(BUILD)/cuda_host.o
EMBED += driver/report.html
$(BUILD)/embed.c: lib/embed.sh $(EMBED) $(BUILD)/prebuilt.stamp
	@mkdir -p $(@D)
	sh lib/embed.sh $(BUILD) $(EMBED) $(BUILD)/prebuilt/*.obj > $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	$(CC) $(ALL_CFLAGS) -c $< -o $@

# GNU conventions: PREFIX, or single folders; DESTDIR for packages.
PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
mandir ?= $(PREFIX)/share/man
bashdir ?= $(PREFIX)/share/bash-completion/completions
zshdir ?= $(PREFIX)/share/zsh/site-functions
fishdir ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
define PC
prefix=$(PREFIX)
libdir=$(libdir)
includedir=$(includedir)

Name: gradc
Description: compiler for neural networks, as a library
Version: $(VERSION)
Libs: -L$${libdir} -lgradc
Libs.private: $(PICTURES:%=-l%) $(LIBS)
Cflags: -I$${includedir}
endef
export PC

install: all lib
	$(INSTALL) -d $(addprefix "$(DESTDIR)",$(bindir) $(libdir)/pkgconfig $(includedir) $(mandir)/man1 $(mandir)/man5 \
	  $(bashdir) $(zshdir) $(fishdir))
	$(INSTALL) -m 755 gradc "$(DESTDIR)$(bindir)/gradc"
	$(INSTALL) -m 755 $(BUILD)/libgradc.so.0 "$(DESTDIR)$(libdir)/libgradc.so.0"
	ln -sf libgradc.so.0 "$(DESTDIR)$(libdir)/libgradc.so"
	$(INSTALL) -m 644 $(BUILD)/libgradc.a "$(DESTDIR)$(libdir)/libgradc.a"
	$(INSTALL) -m 644 lib/gradc.h "$(DESTDIR)$(includedir)/gradc.h"
	printf '%s\n' "$$PC" > "$(DESTDIR)$(libdir)/pkgconfig/gradc.pc"
	./gradc help --man > "$(DESTDIR)$(mandir)/man1/gradc.1"
	./gradc help --man=m > "$(DESTDIR)$(mandir)/man1/m.1"
	awk -v version=$(VERSION) -f docs/man.awk docs/language.md > "$(DESTDIR)$(mandir)/man5/nn.5"
	./gradc help --completion=bash > "$(DESTDIR)$(bashdir)/gradc"
	./gradc help --completion=zsh > "$(DESTDIR)$(zshdir)/_gradc"
	./gradc help --completion=fish > "$(DESTDIR)$(fishdir)/gradc.fish"

uninstall:
	rm -f "$(DESTDIR)$(bindir)/gradc" $(addprefix "$(DESTDIR)$(libdir)"/,libgradc.so.0 libgradc.so libgradc.a \
	  pkgconfig/gradc.pc) "$(DESTDIR)$(includedir)/gradc.h" \
	  $(addprefix "$(DESTDIR)$(mandir)"/,man1/gradc.1 man1/m.1 man5/nn.5) \
	  "$(DESTDIR)$(bashdir)/gradc" "$(DESTDIR)$(zshdir)/_gradc" "$(DESTDIR)$(fishdir)/gradc.fish"

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

check:
	@sh tests/setup.sh check
	@$(MAKE) -s all
	@sh tests/check.sh ./gradc $(BUILD)

check-all:
	@FULL=1 $(MAKE) -s check

gpu-prepare:
	@$(MAKE) -s all
	sh tests/cuda/gpu/prepare.sh ./gradc $(BUILD) $(BUILD)/gpu
check-gpu:
	sh tests/cuda/gpu/run.sh $(BUILD)/gpu check 240
bench-gpu:
	sh tests/cuda/gpu/run.sh $(BUILD)/gpu bench 480

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

.PHONY: all objects lib install uninstall clean check check-all check-isa fuzz demo bench gpu-prepare check-gpu bench-gpu
