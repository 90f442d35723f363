/* SPDX-License-Identifier: BSD-2-Clause */
/* A certificate as the tool in the guest reads it: texts that end, a day that is one. */
#include "fuzz.h"

#include "../../guest/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct certificate c;

    memset(&c, 0xA5, sizeof c);
    if (!certificate_read(bytes, size, &c)) {
        MUST(c.subject[0] == (char)0xA5 && c.until[0] == (char)0xA5);
        return 0;
    }
    MUST(memchr(c.subject, 0, sizeof c.subject));
    MUST(strlen(c.until) == 10 && c.until[4] == '-' && c.until[7] == '-');
    return 0;
}
