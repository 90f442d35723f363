/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `body` in a child and gives its wait status. */
static int in_child(void (*body)(void))
{
    const struct rlimit no_core = {0, 0};
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void enter(void)
{
    struct hf_error err;

    if (hf_seccomp_enter(&err) < 0) {
        fprintf(stderr, "# %s\n", err.text);
        _exit(99);
    }
}

static void run_a_program(void)
{
    enter();
    execl("/bin/true", "true", (char *)NULL);
}

static void open_a_socket(void)
{
    enter();
    (void)socket(AF_INET, SOCK_STREAM, 0);
}

static void trace_a_process(void)
{
    enter();
    (void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void change_identity(void)
{
    enter();
    (void)syscall(SYS_setuid, 1000);
}

static void signal_others(void)
{
    enter();
    (void)kill(getppid(), 0);
}

static void work(void)
{
    static char bytes[8192];
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    void *m;

    enter();
    if (pwrite(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes || fdatasync(fd) < 0 || ftruncate(fd, 100000) < 0)
        _exit(1);
    m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (m == MAP_FAILED || munmap(m, 4096) < 0)
        _exit(2);
    free(malloc(10 << 20));
}

static void *nothing(void *unused)
{
    return unused;
}

static void threads(void)
{
    pthread_t t;

    enter();
    if (pthread_create(&t, NULL, nothing, NULL) != 0 || pthread_join(t, NULL) != 0)
        _exit(3);
}

/* The other thread waits for it until the filter is there. */
static pthread_mutex_t entering = PTHREAD_MUTEX_INITIALIZER;

static void *open_a_socket_later(void *unused)
{
    (void)pthread_mutex_lock(&entering);
    (void)socket(AF_INET, SOCK_STREAM, 0);
    return unused;
}

static void other_threads_too(void)
{
    pthread_t t;

    if (pthread_mutex_lock(&entering) != 0 || pthread_create(&t, NULL, open_a_socket_later, NULL) != 0)
        _exit(3);
    enter();
    (void)pthread_mutex_unlock(&entering);
    pthread_join(t, NULL);
}

/* valgrind makes system calls of its own in our process, and the filter does not know them. */
static void skip_under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    if (preload && strstr(preload, "vgpreload")) {
        print_message("# valgrind itself would be killed\n");
        skip();
    }
}

static void a_call_that_is_not_on_the_list_kills(void **state)
{
    void (*const bodies[])(void) = {run_a_program,   open_a_socket, trace_a_process,
                                    change_identity, signal_others, other_threads_too};

    skip_under_valgrind();
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        int status = in_child(bodies[i]);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static void what_serving_needs_works(void **state)
{
    skip_under_valgrind();
    assert_int_equal(in_child(work), 0);
    assert_int_equal(in_child(threads), 0);
}

static unsigned long status_field(const char *name)
{
    char line[256];
    unsigned long value = 0xbad;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name)))
            value = strtoul(line + strlen(name) + 1, NULL, 16);
    if (f)
        fclose(f);
    return value;
}

static void become_nobody(void)
{
    const struct hf_identity nobody = {65534, 65534};
    struct hf_error err;

    if (hf_privileges_drop(&nobody, &err) < 0)
        _exit(1);
    if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534 || getgroups(0, NULL) != 0)
        _exit(2);
    if (status_field("CapEff:") || status_field("CapPrm:") || status_field("CapBnd:"))
        _exit(3);
    if (setuid(0) == 0 || open("/etc/shadow", O_RDONLY) >= 0)
        _exit(4);
}

static void stay_root_without_power(void)
{
    const struct hf_identity same = {(uid_t)-1, (gid_t)-1};
    char name[] = "/tmp/hf-sandbox-XXXXXX";
    struct hf_error err;
    int fd = mkstemp(name);

    if (fd < 0 || fchown(fd, 65534, 65534) < 0 || fchmod(fd, 0600) < 0)
        _exit(5);
    if (hf_privileges_drop(&same, &err) < 0)
        _exit(1);
    fd = open(name, O_RDWR);
    unlink(name);
    if (fd >= 0 || errno != EACCES)
        _exit(2);
    if (status_field("CapEff:") || status_field("CapBnd:"))
        _exit(3);
}

static void privileges_are_gone_for_good(void **state)
{
    if (geteuid() != 0) {
        print_message("# only root has privileges to drop\n");
        skip();
    }
    assert_int_equal(in_child(become_nobody), 0);
    assert_int_equal(in_child(stay_root_without_power), 0);
}

static void identities_are_found_by_name_and_number(void **state)
{
    struct hf_identity id;
    struct hf_error err;

    assert_int_equal(hf_identity_find("nobody", NULL, &id, &err), 0);
    assert_int_equal(id.uid, 65534);
    assert_int_equal(hf_identity_find("65534", "0", &id, &err), 0);
    assert_int_equal(id.gid, 0);
    assert_int_equal(hf_identity_find("no-such-user", NULL, &id, &err), -HF_ENOTFOUND);
    assert_int_equal(hf_identity_find(NULL, "no-such-group", &id, &err), -HF_ENOTFOUND);
    assert_int_equal(hf_identity_find("-1", NULL, &id, &err), -HF_ENOTFOUND);
    assert_int_equal(hf_identity_find("4294967295", "0", &id, &err), -HF_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_is_not_on_the_list_kills),
        cmocka_unit_test(what_serving_needs_works),
        cmocka_unit_test(privileges_are_gone_for_good),
        cmocka_unit_test(identities_are_found_by_name_and_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
