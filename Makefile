# make            builds ./gradc (cc, make, lemon)
# make check      all tests;  make check-isa  the other instruction sets under qemu-user
# make demo       trains the digits model;  make bench  gradc beside PyTorch
CC ?= cc
LEMON ?= lemon
BUILD ?= build
CFLAGS ?= -O2 -g
WARN = -Wall -Wextra
ALL_CFLAGS = -std=gnu11 -ffp-contract=off $(WARN) $(CFLAGS) -I. -I$(BUILD) -MMD -MP

DIRS = ir frontend passes codegen codegen/c codegen/jit driver
SRCS = $(sort $(foreach d,$(DIRS),$(wildcard $(d)/*.c)))
OBJS = $(SRCS:%.c=$(BUILD)/%.o) $(BUILD)/frontend/nn.o $(BUILD)/embed.o

# Objects of sources that are gone; the tests link all that they find.
STALE = $(filter-out $(OBJS) $(RT_OBJS),$(wildcard $(DIRS:%=$(BUILD)/%/*.o) $(BUILD)/runtime/*.o))

all: gradc
	@rm -f $(STALE)

gradc: $(BUILD)/gradc
	cp $< $@.new && mv $@.new $@

$(BUILD)/gradc: $(OBJS) $(BUILD)/libgradc_rt.a
	$(CC) $(CFLAGS) -o $@ $^ -lm -ldl -lpthread

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

# The grammar: lemon writes nn.c and nn.h.
$(BUILD)/frontend/nn.c: frontend/nn.y
	@mkdir -p $(@D)
	$(LEMON) -q -d$(@D) $<

$(BUILD)/frontend/nn.h: $(BUILD)/frontend/nn.c

$(BUILD)/frontend/nn.o: $(BUILD)/frontend/nn.c
	$(CC) $(ALL_CFLAGS) -Wno-unused-parameter -Ifrontend -c $< -o $@

$(SRCS:%.c=$(BUILD)/%.o): | $(BUILD)/frontend/nn.c

# The runtime: an archive that programs link, and that gradc itself uses to read weights.
RT_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard runtime/*.c)))
$(RT_OBJS): ALL_CFLAGS = -std=gnu11 $(WARN) -O2 -fPIC -MMD -MP
$(BUILD)/libgradc_rt.a: $(RT_OBJS)
	rm -f $@ && ar rcs $@ $^

# Objects of sources that are gone go too: the tests link all that is there.
$(shell rm -f $(filter-out $(OBJS) $(RT_OBJS),$(foreach d,$(DIRS) runtime,$(wildcard $(BUILD)/$(d)/*.o))))

# Everything that gradc carries inside itself.
EMBED = $(sort $(wildcard std/*.nn runtime/*.nn runtime/*.c runtime/*.h runtime/*.def ir/prim*.h codegen/c/*.inc)) $(BUILD)/libgradc_rt.a
$(BUILD)/embed.c: driver/embed.sh $(EMBED)
	@mkdir -p $(@D)
	sh driver/embed.sh $(EMBED) > $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	$(CC) $(ALL_CFLAGS) -c $< -o $@

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

check:
	@sh tests/setup.sh check
	@$(MAKE) -s -j2 all
	@sh tests/check.sh ./gradc $(BUILD)

check-isa:
	@sh tests/setup.sh isa
	@$(MAKE) -s -j2 all
	@sh tests/check.sh ./gradc $(BUILD) isa

demo:
	@sh tests/setup.sh build
	@$(MAKE) -s -j2 all
	@sh examples/demo.sh ./gradc

bench: all
	@sh bench/run.sh

clean:
	rm -rf $(BUILD) gradc

.PHONY: all clean check check-isa demo bench
