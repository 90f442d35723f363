/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox.h"

#include "cleanup.h"

#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static bool parse_number(const char *text, unsigned *out)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || end == text || *end || n >= UINT_MAX || text[0] == '-')
        return false;
    *out = (unsigned)n;
    return true;
}

int hf_identity_find(const char *user, const char *group, struct hf_identity *out, struct hf_error *err)
{
    struct hf_identity id = {(uid_t)-1, (gid_t)-1};
    const struct passwd *pw = user ? getpwnam(user) : NULL;
    const struct group *gr = group ? getgrnam(group) : NULL;
    unsigned n;

    if (pw) {
        id.uid = pw->pw_uid;
        id.gid = pw->pw_gid;
    } else if (user && parse_number(user, &n)) {
        id.uid = n;
        pw = getpwuid(n);
        if (pw)
            id.gid = pw->pw_gid;
    } else if (user) {
        return hf_error_set(err, HF_ENOTFOUND, "user '%s': not found on this host", user);
    }
    if (gr)
        id.gid = gr->gr_gid;
    else if (group && parse_number(group, &n))
        id.gid = n;
    else if (group)
        return hf_error_set(err, HF_ENOTFOUND, "group '%s': not found on this host", group);
    if (id.uid != (uid_t)-1 && id.gid == (gid_t)-1)
        return hf_error_set(err, HF_EUSAGE, "user '%s': no group on this host; give one with group=", user);
    *out = id;
    return 0;
}

int hf_identity_of_file(const char *path, struct hf_identity *out, struct hf_error *err)
{
    struct stat st;

    *out = (struct hf_identity){(uid_t)-1, (gid_t)-1};
    if (geteuid() != 0)
        return 0;
    if (stat(path, &st) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (st.st_uid != 0)
        *out = (struct hf_identity){st.st_uid, st.st_gid};
    return 0;
}

/* Nothing of this process may come back: not by its bounding set, not by running a program that has more. */
static int drop_capabilities(struct hf_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* needs CAP_SETPCAP; without it there is nothing to drop */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0)
        return hf_error_set(err, HF_EIO, "capabilities cannot be dropped: %s", strerror(errno));
    return 0;
}

int hf_privileges_drop(const struct hf_identity *to, struct hf_error *err)
{
    bool root = geteuid() == 0;

    if (root && setgroups(0, NULL) < 0)
        return hf_error_set(err, HF_EIO, "supplementary groups cannot be dropped: %s", strerror(errno));
    if (to->gid != (gid_t)-1 && setresgid(to->gid, to->gid, to->gid) < 0)
        return hf_error_set(err, HF_EIO, "group %u: setgid: %s", (unsigned)to->gid, strerror(errno));
    if (to->uid != (uid_t)-1 && to->uid != geteuid()) {
        /* The bounding set first: afterwards there is no right to change it. */
        for (unsigned long cap = 0; root && cap <= CAP_LAST_CAP; cap++)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
        if (setresuid(to->uid, to->uid, to->uid) < 0)
            return hf_error_set(err, HF_EIO, "user %u: setuid: %s", (unsigned)to->uid, strerror(errno));
    }
    return drop_capabilities(err);
}

/* What nbdkit's threads, SQLite, zstd and the allocator need once everything is open. No new program, no new kind of
 * socket, no tracing, no mounting, no change of identity. */
/* clang-format off */
static const int allowed[] = {
    /* the client, and nbdkit's main loop */
    SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(ppoll), SCMP_SYS(poll), SCMP_SYS(read), SCMP_SYS(write),
    SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(getpeername), SCMP_SYS(getsockname),
    SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(pipe2), SCMP_SYS(fcntl), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid),
    SCMP_SYS(pidfd_open),
    /* threads and signals */
    SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(tgkill),
    SCMP_SYS(restart_syscall), SCMP_SYS(sigaltstack), SCMP_SYS(arch_prctl),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(msync),
    /* the container, the queue and the files beside them */
    SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(lseek), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename),
    SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    SCMP_SYS(flock), SCMP_SYS(fchmod), SCMP_SYS(fchown), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(getdents64),
    SCMP_SYS(umask),
    /* who and when */
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(prlimit64),
};
/* clang-format on */

/* Whether standard error is a terminal, before a message is written to it. */
static int allow_isatty(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp tcgets = {.arg = 1, .op = SCMP_CMP_EQ, .datum_a = TCGETS, .datum_b = 0};

    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &tcgets);
}

int hf_seccomp_enter(struct hf_error *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int r = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(allowed); i++) {
        /* A call that this architecture does not have is numbered below zero, and never happens. */
        if (allowed[i] >= 0)
            r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    }
    if (r == 0)
        r = allow_isatty(ctx);
    if (r == 0)
        r = seccomp_load(ctx);
    if (ctx)
        seccomp_release(ctx);
    return r < 0 ? hf_error_set(err, HF_EIO, "sandbox: cannot be entered: %s", strerror(-r)) : 0;
}
