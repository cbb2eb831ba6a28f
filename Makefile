# Valet. `make run` and `make test` are the two commands; both do all the set-up.
# Every step is a script of its own in scripts/ and prints its name and its time.
#
#   CARGO_TARGET_DIR   where cargo builds (target/)
#   ASK                one thing to ask: make run ASK="set the temperature to 22 degrees"
#   TARGET             for which machine `make dist` packs
#   KEY                secret key with which `make dist` signs the skills, for boards without a compiler
#   MINUTES, SEED      how long `make fault-test` breaks things (60), and in which order (1)
#   SECONDS_EACH       how long `make fuzz` runs each target (60)
#   AUTOMOTIVE         labelled lines for the bench of that name
#   DATA, TEXTS, …     what the recipes for models take: see models/recipe

SHELL := /bin/sh
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help run test test-system boot-test fault-test soak dist voice-test bench lint docs fuzz skills models setup clean test-arm
.PHONY: recipe-quantize recipe-prune recipe-distil

export ASK SECONDS_EACH AUTOMOTIVE KEY
export DATA TEXTS SENTENCES PIECES WEIGHTS ID MINUTES LAYERS OUT

# Signs the skills of the emulated board.
IMAGE_KEY = $${CARGO_TARGET_DIR:-target}/image

# What nearly everything needs; $(1) is what the machine is set up for.
define prepare
@scripts/step "set up" scripts/setup $(1)
@scripts/step "build the daemon and its client" scripts/build daemon
@scripts/step "build the skill compiler" scripts/build skillc
@scripts/step "fetch the models" models/fetch
@scripts/step "build the skills" scripts/skills
endef

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1@\2/p' Makefile | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

run: ## talk to a simulated car: a guided conversation, then a prompt (ASK="…": one thing)
	$(call prepare,run)
	@scripts/run

test: ## everything that is checked before a change is taken
	@scripts/test

test-arm: ## kernels, encoder, understanding, skill host and daemon as programs for both kinds of ARM, under qemu
	@scripts/step "set up" scripts/setup test
	@scripts/step "fetch the models" models/fetch
	@scripts/step "build the skills and the guests of the tests" scripts/skills
	@scripts/test-arm

test-system: ## our packages in a Debian system that is booted in a container (root)
	$(call prepare,test)
	@scripts/test-system

dist: ## what a board is given (TARGET=aarch64-unknown-linux-gnu, …): tarball, Debian packages, SBOM
	@scripts/step "set up" scripts/setup dist
	@scripts/step "build the daemon and its client" scripts/build daemon
	@scripts/step "build the skill compiler" scripts/build skillc
	@scripts/step "fetch the models" models/fetch
	@scripts/step "build the skills" scripts/skills
	@scripts/dist $(TARGET)

voice-test: ## the closed loop with a real voice and a real recogniser, 100 commands each
	$(call prepare,test)
	@scripts/step "build the benches" scripts/build bench
	@scripts/voice-test

bench: ## every figure we claim, measured here, as JSON
	$(call prepare,run)
	@scripts/step "build the hostile guests" scripts/hostile
	@scripts/step "build the benches" scripts/build bench
	@scripts/bench

soak: ## a million mixed requests, hostile clients among them, to one daemon
	$(call prepare,run)
	@scripts/step "build the benches" scripts/build bench
	@$${CARGO_TARGET_DIR:-target}/debug/valet-bench soak

boot-test: ## an emulated ARM board with our packages: it boots, answers, and has its power cut (root)
	@scripts/step "build the daemon and its client" scripts/build daemon
	@[ -f $(IMAGE_KEY).key ] || $${CARGO_TARGET_DIR:-target}/debug/valetctl skill key --no-password $(IMAGE_KEY)
	@scripts/step "pack for the board" $(MAKE) --no-print-directory dist TARGET=aarch64-unknown-linux-gnu KEY=$(IMAGE_KEY).key DIST=emulated-board
	@scripts/boot-test

fault-test: ## a fault a minute for an hour, in a machine or a container of its own (root; MINUTES=60, SEED=1)
	@scripts/step "pack for the machine" $(MAKE) --no-print-directory dist TARGET=x86_64-unknown-linux-gnu
	@scripts/step "build the daemon and its client" scripts/build daemon
	@scripts/step "build the benches" scripts/build bench
	@scripts/fault-test $(or $(MINUTES),60)

lint: ## formatting, clippy, licences and advisories
	@scripts/step "set up" scripts/setup lint
	@scripts/lint

docs: ## write the generated references again and build the documentation of the code
	@scripts/step "set up" scripts/setup lint
	@scripts/step "write docs/dbus.md and docs/skill-reference.md" \
		env VALET_WRITE_DOCS=1 cargo test --quiet --package valet-house-tests --test references
	@scripts/step "document the code" scripts/build documentation

fuzz: ## run every fuzz target for a minute
	@scripts/fuzz

skills: ## build the skills into target/skills/, and the guests of the tests beside them
	@scripts/step "set up" scripts/setup lint
	@scripts/step "build the skill compiler" scripts/build skillc
	@scripts/step "build the skills" scripts/skills
	@scripts/step "build the hostile guests" scripts/hostile

models: ## fetch and make the models in models/cache/
	@scripts/step "set up" scripts/setup run
	@scripts/step "fetch the models" models/fetch

recipe-quantize: ## int8 of the encoder, or of WEIGHTS of your own, measured beside its floats
	@scripts/step "set up" scripts/setup run
	@scripts/step "quantize" models/recipe quantize

recipe-prune: ## the encoder with fewer word pieces (PIECES, SENTENCES, TEXTS): half the file
	@scripts/step "set up" scripts/setup run
	@scripts/step "prune" models/recipe prune

recipe-distil: ## a smaller encoder taught by the full one on TEXTS, within MINUTES (100)
	@scripts/step "set up" scripts/setup run
	@scripts/step "distil" models/recipe distil

setup: ## install what is missing, or say how
	@scripts/setup test

clean: ## remove what was built; models stay
	cargo clean
	rm -rf tests/fuzz/target
