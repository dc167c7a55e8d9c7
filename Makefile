# A thin front for Meson. `make` builds, `make demo` shows it, `make check` tests it, `make run` keeps it running.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
DATA ?= data
PORT ?= 7070
PYTHON := /usr/bin/python3

# Ninja is what works in parallel; here packages are installed before they are used, whatever -j says.
.NOTPARALLEL:

.PHONY: all deps test-deps demo run check unit sanitize wire-tests lint bench bench-ceph fuzz soak races docs install clean

all: deps $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX)

# Debian packages that are missing, from packages.txt: to build and run, and for the tests.
deps:
	@scripts/install-packages build

test-deps:
	@scripts/install-packages build test

demo: all
	scripts/demo.sh $(BUILD)/slipway

run: all
	$(BUILD)/slipway serve --data $(DATA) --port $(PORT)

# Everything: formatting and static checks, units, the same units under ASan and UBSan, the engine on simulated time,
# every parser on mutated input, and the running server by raw sockets, boto3, the AWS CLI, AWS's SDK
# for JavaScript and the story.
check: test-deps
	$(MAKE) lint
	$(MAKE) unit
	$(MAKE) sanitize
	$(MAKE) wire-tests

unit: test-deps all
	meson test -C $(BUILD) --print-errorlogs --suite unit --suite sim

sanitize: test-deps
	[ -f $(BUILD)-sanitize/build.ninja ] || \
	  meson setup $(BUILD)-sanitize -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C $(BUILD)-sanitize
	meson test -C $(BUILD)-sanitize --print-errorlogs

wire-tests: test-deps all
	SLIPWAY_BIN=$(CURDIR)/$(BUILD)/slipway $(PYTHON) -m pytest tests/wire tests/sdk tests/node tests/e2e tests/soak --durations=10

lint: test-deps all
	scripts/lint $(BUILD)

bench: test-deps all
	@scripts/install-packages bench
	$(PYTHON) bench/run.py --build $(BUILD)

# Beside Ceph's RADOS gateway; brings some 90 packages along.
bench-ceph: test-deps all
	@scripts/install-packages bench ceph
	$(PYTHON) bench/run.py --build $(BUILD) --only ceph --rounds 3 --json $(BUILD)/bench-ceph.json

# Longer than `make check` does: FUZZ_SECONDS a parser.
FUZZ_SECONDS ?= 60
fuzz: test-deps
	[ -f $(BUILD)-sanitize/build.ninja ] || \
	  meson setup $(BUILD)-sanitize -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C $(BUILD)-sanitize
	FUZZ_SECONDS=$(FUZZ_SECONDS) meson test -C $(BUILD)-sanitize --suite fuzz --timeout-multiplier 0 --verbose

# The bucket under crowds, cut uploads, random requests and kills, for half an hour, the server under ASan and UBSan.
soak: test-deps
	[ -f $(BUILD)-sanitize/build.ninja ] || \
	  meson setup $(BUILD)-sanitize -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C $(BUILD)-sanitize
	SLIPWAY_BIN=$(CURDIR)/$(BUILD)-sanitize/slipway SOAK=full S3_MODEL_SECONDS=120 S3_SHAPES_ROUNDS=40 \
	  $(PYTHON) -m pytest tests/soak tests/sdk/test_s3_model.py tests/sdk/test_s3_shapes.py --durations=10

# Units, the simulator and the running server under ThreadSanitizer, for some half an hour.
races: test-deps
	[ -f $(BUILD)-races/build.ninja ] || meson setup $(BUILD)-races -Db_sanitize=thread -Db_lundef=false
	ninja -C $(BUILD)-races
	scripts/races $(BUILD)-races

# The papers that are made from tables.
docs: all
	$(BUILD)/docs/operations_doc > docs/operations.md
	$(BUILD)/docs/states_doc > docs/states.md
	scripts/cli-reference $(BUILD)/slipway > docs/cli.md

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-races
