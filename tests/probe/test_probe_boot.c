/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe_boot.h"

/* A VMM whose firmware resets in a loop: it tells so before each answer, in all more often than the monitor has room
 * for. */
static const char resetting[] =
    "#!/usr/bin/python3\n"
    "import json, socket, sys\n"
    "fd = next(int(w.rsplit('=', 1)[1]) for w in sys.argv if w.startswith('socket,id=hf-qmp,'))\n"
    "qmp = socket.socket(fileno=fd).makefile('rw')\n"
    "def say(what):\n"
    "    qmp.write(json.dumps(what) + '\\n')\n"
    "    qmp.flush()\n"
    "say({'QMP': {'version': {'qemu': {'major': 7, 'minor': 2, 'micro': 0}, 'package': ''}, 'capabilities': []}})\n"
    "for line in qmp:\n"
    "    for _ in range(400):\n"
    "        say({'event': 'RESET', 'data': {'guest': True}, 'timestamp': {'seconds': 1, 'microseconds': 0}})\n"
    "    ask = json.loads(line)\n"
    "    say({'return': [] if ask['execute'] == 'query-blockstats' else {}, 'id': ask['id']})\n";

static void firmware_that_resets_for_ever_has_not_booted(void **state)
{
    char path[] = "/tmp/holdfast-probe-XXXXXX", words[192];
    struct hf_probe_machine m = {.program = path, .type = "q35", .code_size = 4096};
    struct hf_boot_try tried = {.booted = true};
    struct hf_error err = {.text = ""};
    int fd = mkstemp(path), r;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, resetting, sizeof resetting - 1), sizeof resetting - 1);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    r = hf_probe_boot(&m, 1500, &tried, words, &err);
    unlink(path);
    if (r != 0)
        fail_msg("%d: %s", r, err.text);
    assert_false(tried.booted);
    assert_null(tried.why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_that_resets_for_ever_has_not_booted),
    };

    return cmocka_run_group_tests_name("probe-probe_boot", tests, NULL, NULL);
}
