# kefu. The commands: `make run` starts it on this machine, `make test` runs every test, `make deploy STAGE=prod` brings it to AWS.
# `make soak MINUTES=20` breaks it for so long, and reports what held; SEED=… runs the same again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TYPESCRIPT := 5.9.3
READY := $(VENV)/ready-$(shell cat requirements*.txt constraints.txt 2>/dev/null | cksum | cut -d' ' -f1)

.PHONY: run test test-pipe test-second-host smoke soak durability bench check types pictures format lock asyncapi
.PHONY: package plan deploy renew replay destroy

run: $(READY)
	@exec $(BIN)/python -m infra.local

# Two files at a time, and after that, one by one, those whose people do not like to wait.
test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/bench tests/store tests/flow tests/aws tests/artifact tests/e2e tests/faults --ignore tests/faults/test_scenarios.py
	@$(BIN)/python -m pytest tests/web tests/faults/test_scenarios.py

# The end-to-end tests once more, with pushes over the workers' pipes, as `make run` has them, instead of HTTP, as on AWS.
test-pipe: $(READY)
	@PUSHES=pipe $(BIN)/python -m pytest -n 2 --dist loadfile tests/e2e

# The same handlers under another emulator of API Gateway, which npm fetches.
test-second-host: $(READY)
	@command -v npm >/dev/null || { echo "make test-second-host needs npm (it comes with Node.js): https://nodejs.org" >&2; exit 1; }
	@$(BIN)/python -m pytest tests/second_host

# Tests a deployed stage from outside: make smoke URL=https://…, with JWT_SECRET or JWT_PRIVATE_KEY_FILE set. ONLY="claim or send" runs fewer.
smoke: $(READY)
	@$(BIN)/python -m tests.smoke "$(URL)" $(if $(ONLY),-k "$(ONLY)")

# AWS. A stage is a file in infra/aws/stages; plan only says what deploy would change, destroy asks first.
package plan deploy renew replay destroy: $(READY)
	@$(BIN)/python -m infra.aws $@ "$(STAGE)"

soak: $(READY)
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED)) $(if $(STORAGE),--storage $(STORAGE)) $(if $(OUT),--out $(OUT))

durability: $(READY)
	@$(BIN)/python -m tests.faults.durability

# How fast it is, beside its peers; QUICK=1 takes two minutes, PUBLISH=1 writes docs/performance.md.
bench: $(READY)
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(OUT),--out $(OUT)) $(if $(PUBLISH),--publish)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lint_lua

# The pages' JSDoc types, by TypeScript's compiler, which npm fetches.
types:
	@command -v npx >/dev/null || { echo "make types needs npm (it comes with Node.js): https://nodejs.org" >&2; exit 1; }
	npx --yes --package typescript@$(TYPESCRIPT) tsc --project tests/web/tsconfig.json

# The pictures in docs/. `make pictures OUT=/tmp/pictures` takes every scene at each width, 1× and 2×, into that folder.
pictures: $(READY)
	@$(BIN)/python -m tests.web.pictures $(if $(OUT),--out $(OUT))

lock: $(READY)
	@{ echo "# Every package that the requirements pull in, pinned (make lock writes this)."; $(BIN)/pip freeze | grep -viE "^(pip|setuptools|wheel)=="; } > constraints.txt

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

asyncapi: $(READY)
	$(BIN)/python -m infra.asyncapi > docs/asyncapi.yaml

# The name carries a digest of the pins, so that a change of them makes the environment anew.
$(READY):
	@command -v $(PYTHON) >/dev/null || { echo "kefu needs Python 3.11 or newer, and there is no $(PYTHON): install it, or name one by PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kefu needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1): install a newer one, or name it by PYTHON=…" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, about half a minute) …"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed: is the disk full (df -h .), or is the package python3-venv missing?" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt || { echo "pip could not install what kefu needs: is there a network, and room on the disk (df -h .)?" >&2; exit 1; }
	@touch $@
