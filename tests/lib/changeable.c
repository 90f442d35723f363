/* SPDX-License-Identifier: BSD-2-Clause */
/* changeable FILE...: for a test's Linux guest. Its kernel guards EFI variables that it does not know against being
 * changed; this takes that off, as chattr -i would. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY), flags = 0;

        if (fd < 0 || ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0) {
            perror(argv[i]);
            failed = 1;
        }
        if (fd >= 0)
            (void)close(fd);
    }
    return failed;
}
