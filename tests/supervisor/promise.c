/* SPDX-License-Identifier: BSD-2-Clause */
/* promise G.hold DOMAIN VERSION BIT: locks a bit in the contract, beside a runner, as a holdfast would that offers it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agreement.h"

static int promise(const char *path, const struct hf_agreement *a, struct hf_error *err)
{
    struct hf_container *c = NULL;
    int r = hf_container_open(path, HF_OPEN_EDIT, (int64_t)time(NULL), &c, err);

    if (r == 0)
        r = hf_begin(c, err);
    if (r == 0)
        r = hf_agreement_put(c, a, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_container_done(&c);
    return r;
}

int main(int argc, char **argv)
{
    struct hf_agreement a = {.asked_once = true, .locked = true, .status = HF_NEGOTIATE_ACCEPTED};
    struct hf_error err;

    if (argc != 5) {
        fprintf(stderr, "usage: promise G.hold DOMAIN VERSION BIT\n");
        return 2;
    }
    (void)snprintf(a.domain, sizeof a.domain, "%s", argv[2]);
    a.version = (uint32_t)atoi(argv[3]);
    hf_bits_add(&a.agreed, (unsigned)atoi(argv[4]));
    a.offered = a.asked = a.agreed;
    if (promise(argv[1], &a, &err) == 0)
        return 0;
    fprintf(stderr, "promise: %s\n", err.text);
    return 1;
}
