# make demo    the main job end to end on a virtual card
# make test    everything: real PC/SC daemon, real PKCS#11 programs
# make slow    what make test leaves out, keeps short or tries in turns of days: builds from nothing, twice, and with a
#              sanitizer, the window for minutes, all browsers and chip families in Wine (part of make dist)
# make check   the inner loop: format, vet, static checks, tests without cgo and daemon
# make build   bin/cie, bin/cie-virtual, bin/cie-pkcs11.so
# make gui     bin/cie-gui, the desktop application (a cold build takes minutes)
# make windows  programs and installer for Windows x86-64, into dist (a cold build takes a quarter of an hour)
# make packages  .deb, .rpm and tarball for amd64 and arm64, into dist (installer/README.md)
# make sbom    what each program is made of, into dist/sbom (CycloneDX)
# make macos-check  compiles command line and module for macOS on ARM64 (part of make dist)
# make dist    packages, windows, sbom, and the SHA-256 sums of all that is in dist
# make bench   the figures of the README
# make fuzz    every fuzz target, FUZZTIME each (FUZZ=regexp chooses targets)
# make faults  every fault at every command on every chip family, in process too, where make test takes turns;
#              every kind of refusal on every family in a PC/SC reader
# make matrix  a table of operations and of what goes wrong at each of their commands, with the card, its
#              reader and service, and the disk: in process, in PC/SC readers, and in browsers
# make soak    for SOAKTIME (1h): window, browsers, programs and batches use one card that comes and goes, and
#              memory must stay as it is; then random calls of the module against a model, for as long
# make clean   removes what was built
#
# demo, test, bench and packages install the Debian packages they miss; build and gui name them (.ci/deps).

# Go in its usual places, PATH first.
export PATH := $(PATH):/usr/local/go/bin:/usr/lib/go/bin:$(HOME)/go/bin
export CGO_ENABLED := 1

GO ?= go
FUZZTIME ?= 2m
FUZZ ?= .
BENCHTIME ?= 1x
TESTTIMEOUT ?= 25m

# The version comes from the tag of git, here alone, and goes into everything
# that is built. The only date is that of the commit. Go's own build ID depends
# on the directory through the flags of the C linker, so there is none; the one
# of GNU ld comes from the content.
ifndef VERSION
VERSION := $(shell sh .ci/version)
endif
ifndef SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH := $(or $(shell sh .ci/version time),0)
endif
export SOURCE_DATE_EPOCH
LDFLAGS := -buildid= -X cie/cmd/internal/version.stamp=cie-build:$(VERSION):$(shell sh .ci/version commit):$(SOURCE_DATE_EPOCH);
GOBUILD := $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'

.PHONY: all demo test build bin gui check bench fuzz faults clean deps-build deps-test
.DEFAULT_GOAL := build
.NOTPARALLEL:

demo: deps-test bin
	./bin/cie-virtual demo

# The programs in the packages are those that are tested. It ends with what was
# skipped and why, and a line of counts.
test: deps-all packages-here
	@GO='$(GO)' GUITAGS='$(GUITAGS)' TESTTIMEOUT=$(TESTTIMEOUT) CIE_BIN="$$(pwd)/dist/build/$$($(GO) env GOHOSTARCH)/bin" sh .ci/test

build: deps-build bin

# The module is a C library, everything else in cmd a program. Why it has the option:
# cmd/cie-pkcs11/main.go.
bin:
	@mkdir -p bin
	$(GOBUILD) -o bin/ $$($(GO) list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./cmd/... | grep -v /cie-pkcs11$$)
	$(GOBUILD) -ldflags '$(LDFLAGS) -X runtime.godebugDefault=asyncpreemptoff=1' -buildmode=c-shared -o bin/cie-pkcs11.so ./cmd/cie-pkcs11
	@rm -f bin/cie-pkcs11.h

# A window needs a display server, chosen by tag; what has no tag is not built
# by the patterns above.
GUITAGS ?= x11,migrated_fynedo
gui: deps-gui
	@mkdir -p bin
	$(GOBUILD) -tags $(GUITAGS) -o bin/cie-gui ./cmd/cie-gui

# The Linux packages. The architecture of this machine is one of PACKAGEARCHES; make test
# needs its packages.
PACKAGEARCHES ?= amd64 arm64
PACK = LDFLAGS='$(LDFLAGS)' GUITAGS='$(GUITAGS)' GO='$(GO)' SOURCE_DATE_EPOCH='$(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct),0)' \
	sh installer/packaging/linux/build '$(VERSION)' dist
# For Windows. make test builds what has no window.
.PHONY: windows
windows: deps-windows
	LDFLAGS='$(LDFLAGS)' GO='$(GO)' sh installer/packaging/windows/build '$(VERSION)' dist/windows all
	CIE_WINDOWS_DIST="$$(pwd)/dist" $(GO) test -count=1 -v -run 'TestSetup|TestWindow' ./cmd/internal/harness/windowstest

.PHONY: packages packages-here
packages: deps-packages
	$(PACK) $(PACKAGEARCHES)
# For the tests: packed in seconds.
packages-here:
	COMPRESSION=gzip:1 $(PACK) $$($(GO) env GOHOSTARCH)

# What is given to others. The programs in the packages count, else those in bin.
.PHONY: dist sbom sums macos-check
dist: packages windows macos-check sbom sums slow
# Nothing of it is given to others: the programs are built on a Mac.
macos-check:
	GO='$(GO)' sh installer/packaging/macos/check dist/build/macos
sbom: bin
	@rm -rf dist/sbom
	$(GO) run ./installer/packaging/sbom -version '$(VERSION)' -out dist/sbom \
		$$(ls dist/build/*/bin/* dist/windows/*.exe dist/windows/*.dll 2>/dev/null | grep -v -e '\.h$$' -e 'cie-ksp\.dll$$' || ls bin/*)
sums:
	cd dist && find . -type f ! -path './build/*' ! -name SHA256SUMS | sed 's,^\./,,' | LC_ALL=C sort | \
		xargs -d '\n' sha256sum >SHA256SUMS

check:
	sh .ci/check

bench: deps-test bin
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) -count=1 -p 1 -timeout $(TESTTIMEOUT) ./...

fuzz:
	FUZZ='$(FUZZ)' FUZZTIME=$(FUZZTIME) sh .ci/fuzz

# Reproducible builds, from an empty cache too; the module with AddressSanitizer,
# for which the standard library is compiled again; all pages of the window in every
# look, and every task by keyboard and by mouse, for minutes and with large documents;
# what make test tries in turns of days in browsers, in Wine and with other programs; the
# race detector where make test leaves it out for the length of a test.
# An hour of the processor.
.PHONY: slow
SLOW = CIE_SLOW=1 $(GO) test -count=1 -v -p 1 -timeout 60m
slow: deps-all
	$(SLOW) -run '^(TestReproducible|TestPackagesReproducible|TestSBOMIsReproducible|TestSummary|TestSanitizedModuleHasNoErrors|TestNothingIsCut)$$' \
		./cmd/internal/harness/buildtest ./cmd/cie-pkcs11 ./gui
	$(SLOW) ./cmd/internal/harness/browsertest ./cmd/internal/harness/windowstest ./cmd/internal/harness/consumertest
	$(SLOW) -tags '$(GUITAGS)' ./cmd/cie-gui
	sh .ci/test repeated
	@# Of make packages, if it ran.
	[ ! -e dist/build ] || $(SLOW) -run '^TestLintianAcceptsPackages$$' ./installer/packaging/linux

# An hour of the processor, most of it for what make test tries in turns: there the
# families divide the positions of the commands, and a card never seen is tried with
# one operation for each fault.
faults: deps-test
	@mkdir -p artifacts
	FAULTS=all $(GO) test -v -p 1 -count=1 -run '^(TestFaults|TestStrictCards|TestPassingRefusalLeavesNoRecord|TestTransientRefusalLeavesNoRecord|TestUncertainErrorMeansCodeWasSent)$$' -timeout 4h ./card ./cmd/internal/harness/faultinjection ./cmd/internal/harness/journey ./cmd/internal/harness/servicetest >artifacts/faults.log 2>&1; \
	status=$$?; grep -v '^=== \|^ *--- PASS' artifacts/faults.log; exit $$status

# Some minutes of the processor, and a quarter of an hour of waiting for readers and
# browsers. MATRIX chooses packages.
.PHONY: matrix
MATRIX ?= faultinjection servicetest browsertest
matrix: deps-all
	@mkdir -p artifacts
	FAULTS=matrix $(GO) test -v -p 1 -count=1 -run '^(TestFaults|TestLoginWithFaults)$$' -timeout 4h $(addprefix ./cmd/internal/harness/,$(MATRIX)) >artifacts/matrix.log 2>&1; \
	status=$$?; grep -v '^=== \|^ *--- PASS' artifacts/matrix.log; exit $$status

SOAKTIME ?= 1h
.PHONY: soak
soak: deps-all
	CIE_SOAK=$(SOAKTIME) $(GO) test -v -count=1 -run '^TestSoak$$' -timeout 0 ./cmd/internal/harness/browsertest
	CIE_SEQUENCES=$(SOAKTIME) $(GO) test -v -count=1 -run '^TestRandomCallsFollowTheModel$$' -timeout 0 ./cmd/cie-pkcs11

IDLETIME ?= 10m
.PHONY: idle
idle: deps-all
	CIE_IDLE=$(IDLETIME) $(GO) test -v -count=1 -run '^TestIdle$$' -timeout 0 ./cmd/internal/harness/browsertest

clean:
	rm -rf bin dist artifacts

.PHONY: deps-all deps-packages
# These two install nothing.
deps-build:
	@sh .ci/deps -n build
deps-gui:
	@sh .ci/deps -n build gui
deps-test:
	@sh .ci/deps build test
deps-packages:
	@sh .ci/deps build gui packages cross
deps-all:
	@sh .ci/deps build test consumers browsers gui packages windows
.PHONY: deps-windows
deps-windows:
	@sh .ci/deps build gui windows
