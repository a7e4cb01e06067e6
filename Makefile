# The verbs of the stack; `make help` lists them. The logic is in scripts/, here is only the way there.
# Arguments for a verb: make logs ARGS="flyte --follow", make e2e ARGS=busy_port, make bench BENCH=sandbox.hello.

VERBS := up status wait logs down reset register demo doctor config open shell \
         e2e bench check test test-all format lock setup clean help

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: $(VERBS)

$(VERBS):
	@command -v python3 > /dev/null || { echo "airflyte: python3 is missing; install CPython 3.11 or 3.12 (on Debian and Ubuntu: sudo apt-get install -y python3)." >&2; exit 1; }
	@exec python3 scripts/bootstrap.py $@ $(ARGS) $(if $(filter bench,$@),$(BENCH))
