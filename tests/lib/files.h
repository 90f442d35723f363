/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files for tests: firmware of the distribution, which may be absent. */
#ifndef HF_TEST_FILES_H
#define HF_TEST_FILES_H

#include <stdbool.h>

#include "unit.h"

struct file {
    uint8_t *bytes;
    size_t size;
};

static inline bool file_installed(const char *path)
{
    FILE *in = fopen(path, "rb");

    if (in)
        fclose(in);
    return in != NULL;
}

/* Debian 12's OVMF is the last one with 2 MB images; its plain builds enforce Secure Boot, those of later releases do
 * not. */
static inline bool files_of_debian_12(void)
{
    return file_installed("/usr/share/OVMF/OVMF_CODE.fd");
}

/* Skips the test, saying so, when the file is not installed. Free with free(f.bytes). */
static inline struct file file_read(const char *path)
{
    struct file f = {0};
    FILE *in = fopen(path, "rb");
    long size;

    if (!in) {
        print_message("skipped: %s is not installed\n", path);
        skip();
    }
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    size = ftell(in);
    assert_true(size > 0);
    rewind(in);
    f.size = (size_t)size;
    f.bytes = (uint8_t *)malloc(f.size);
    assert_non_null(f.bytes);
    assert_int_equal(fread(f.bytes, 1, f.size, in), f.size);
    fclose(in);
    return f;
}

#endif
