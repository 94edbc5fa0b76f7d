# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the fuzz targets, and all of libsr that they need, with clang++ and libFuzzer into tests/fuzz/libfuzzer of the
# build tree, whatever compiler that was configured with, and runs them. GNU make; called by `make fuzz`.

MAKEFLAGS += -r
.SUFFIXES:

FUZZ_CXX = $(shell command -v clang++-14 || command -v clang++)
CCACHE = $(shell command -v ccache)
FUZZ_SANITIZE = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_CXXFLAGS = -O1 -g1 -D_GLIBCXX_ASSERTIONS $(FUZZ_SANITIZE)
out = tests/fuzz/libfuzzer

cxxflags = -std=gnu++20 -D_GNU_SOURCE -DPACKAGE_VERSION='"0"' -Wall -Wextra -Wno-c99-designator $(FUZZ_CXXFLAGS) \
    -I$(top_srcdir) -I$(top_srcdir)/include $(XEN_CFLAGS) \
    -DSR_GOLDEN_DIR='"$(abs_top_srcdir)/tests/golden"' -DSR_FUZZ_DIR='"$(abs_top_srcdir)/tests/fuzz"'

objects_of = $(patsubst %.cpp,$(out)/%.o,$(filter %.cpp,$(1)))
pure_objects = $(call objects_of,$(pure_sources) $(fuzz_pure_sources))
# Of the fake host, the hypervisor and not the process around it.
host_process = client_process connection control players server server_messages spawn store_link trace
engine_objects = $(call objects_of,$(filter-out $(host_process:%=tests/fakexen/host/%.cpp), \
    $(engine_sources) $(fuzz_engine_sources)))

pure_targets = decode blobs framing container stream
engine_targets = restore checkpoints save
stream_targets = stream restore checkpoints
all_targets = $(pure_targets) $(engine_targets)
FUZZ_TARGETS =
chosen = $(or $(FUZZ_TARGETS),$(all_targets))

.PHONY: fuzz fuzz-programs fuzz-compiler
.DELETE_ON_ERROR:
.SECONDARY:

fuzz: fuzz-programs
	@$(PYTHON3) $(top_srcdir)/tests/fuzz/run-fuzz --programs $(out) --seconds '$(FUZZ_SECONDS)' \
	    --jobs '$(FUZZ_JOBS)' --dictionary $(top_srcdir)/tests/fuzz/stream.dict $(chosen)

fuzz-programs: fuzz-compiler $(chosen:%=$(out)/fuzz-%)

fuzz-compiler:
	@test -n '$(FUZZ_CXX)' || { echo 'make fuzz: clang++ is missing (Debian: clang, libclang-rt-14-dev); ./bootstrap installs it' >&2; exit 1; }
	@mkdir -p $(out)
	@echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' | \
	    $(FUZZ_CXX) -fsanitize=fuzzer,address -x c++ -o $(out)/probe - 2>$(out)/probe.log || \
	    { cat $(out)/probe.log; echo 'make fuzz: $(FUZZ_CXX) has no libFuzzer (Debian: libclang-rt-14-dev); ./bootstrap installs it' >&2; exit 1; }

$(out)/%.o: $(top_srcdir)/%.cpp | fuzz-compiler
	@mkdir -p $(@D)
	@echo "  FUZZCXX  $*.cpp"
	@$(CCACHE) $(FUZZ_CXX) $(cxxflags) -MMD -MP -c -o $@ $<

$(out)/main-%.o: $(top_srcdir)/tests/fuzz/libfuzzer_main.cpp | fuzz-compiler
	@$(CCACHE) $(FUZZ_CXX) $(cxxflags) -DSR_FUZZ_TARGET=$*_target -MMD -MP -c -o $@ $<

$(stream_targets:%=$(out)/fuzz-%): $(out)/tests/fuzz/libfuzzer_mutator.o
$(pure_targets:%=$(out)/fuzz-%): $(out)/fuzz-%: $(out)/main-%.o $(pure_objects)
	@echo "  FUZZLD   fuzz-$*"
	@$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -fsanitize=fuzzer -o $@ $^

# What these define of libxencall and libxenforeignmemory goes before the libraries of these names.
$(engine_targets:%=$(out)/fuzz-%): $(out)/fuzz-%: $(out)/main-%.o $(pure_objects) $(engine_objects)
	@echo "  FUZZLD   fuzz-$*"
	@$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -fsanitize=fuzzer -Wl,--export-dynamic -o $@ $^ $(XEN_LIBS)

-include $(shell find $(out) -name '*.d' 2>/dev/null)
