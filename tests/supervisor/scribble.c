/* SPDX-License-Identifier: BSD-2-Clause */
/* scribble G.hold: changes the last page of the variables behind a running server's back, as if writes had been lost. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "banks.h"

static int scribble(const char *path, struct hf_error *err)
{
    char bytes[HF_PAGE_SIZE];
    struct hf_container *c = NULL;
    uint64_t size;
    int r = hf_container_open(path, HF_OPEN_EDIT, (int64_t)time(NULL), &c, err);

    memset(bytes, 'x', sizeof bytes);
    if (r == 0)
        r = hf_bank_size(c, HF_BANK_VARS, &size, err);
    if (r == 0)
        r = hf_begin(c, err);
    if (r == 0)
        r = hf_bank_write(c, HF_BANK_VARS, size - sizeof bytes, bytes, sizeof bytes, NULL, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_container_done(&c);
    return r;
}

int main(int argc, char **argv)
{
    struct hf_error err;

    if (argc != 2 || scribble(argv[1], &err) < 0) {
        fprintf(stderr, "scribble: %s\n", argc == 2 ? err.text : "usage: scribble G.hold");
        return 1;
    }
    return 0;
}
