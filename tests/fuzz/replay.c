/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows a fuzz target every file of a directory; prints TAP. */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

static int show(const char *directory, const char *name)
{
    char path[4096];
    uint8_t *bytes = NULL;
    size_t size = 0, room = 0, n;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "rb");
    if (!f)
        return -1;
    do {
        room += 65536;
        bytes = (uint8_t *)realloc(bytes, room);
        MUST(bytes);
        n = fread(bytes + size, 1, room - size, f);
        size += n;
    } while (n);
    (void)fclose(f);
    bytes = (uint8_t *)realloc(bytes, size ? size : 1); /* so that a read past the end is seen */
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    struct dirent *entry;
    unsigned n = 0;
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

    if (!d) {
        printf("1..0 # SKIP no corpus\n");
        return 1;
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.') {
            printf("%sok %u - %s\n", show(argv[1], entry->d_name) ? "not " : "", n + 1, entry->d_name);
            n++;
        }
    (void)closedir(d);
    printf("1..%u\n", n);
    return n ? 0 : 1;
}
