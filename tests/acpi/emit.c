/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes what the builder makes of the tests' sample machine, for real firmware to read:
 *
 *     emit DIR narrow|wide FEATURES [TELL-FILE OFFSET]
 *
 * DIR/etc/table-loader, DIR/etc/acpi/tables, ... With TELL-FILE the firmware is asked to tell the page's address there,
 * otherwise nowhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "acpi_sample.h"

static int write_file(const char *directory, const char *name, const uint8_t *bytes, size_t size)
{
    char path[512];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct sample s;
    char path[512];
    int bad;

    if (argc != 4 && argc != 6) {
        fprintf(stderr, "usage: emit DIR narrow|wide FEATURES [TELL-FILE OFFSET]\n");
        return 2;
    }
    sample_init(&s, !strcmp(argv[2], "wide"));
    s.description.tell_count = argc == 6;
    if (argc == 6) {
        s.tells[0].file = argv[4];
        s.tells[0].file_offset = (uint32_t)strtoul(argv[5], NULL, 0);
    }
    if (sample_build(&s, strtoull(argv[3], NULL, 0)) < 0)
        return 1;
    for (const char *const *d = (const char *const[]){"", "/etc", "/etc/acpi", NULL}; *d; d++) {
        (void)snprintf(path, sizeof path, "%s%s", argv[1], *d);
        (void)mkdir(path, 0777);
    }
    bad = write_file(argv[1], s.built.script.name, s.built.script.bytes, s.built.script.size);
    for (size_t i = 0; i < s.built.count; i++)
        bad |= write_file(argv[1], s.built.files[i].name, s.built.files[i].bytes, s.built.files[i].size);
    return bad;
}
