/* SPDX-License-Identifier: BSD-2-Clause */
/* The SMI triple of a real machine, driven as firmware drives it. */
#include "checks.h"

#include <holdfast/negotiate_smi.h>

struct smi {
    struct hf_fwcfg_client c;
    struct hf_fwcfg_file supported, requested, ok;
    uint64_t host;
};

static bool find_all(struct hf_qtest *p, struct smi *s)
{
    hf_le64 host;

    s->c = hf_qtest_client(p);
    if (hf_fwcfg_client_open(&s->c) < 0 || hf_fwcfg_client_find(&s->c, HF_SMI_SUPPORTED_FILE, &s->supported) < 0 ||
        hf_fwcfg_client_find(&s->c, HF_SMI_REQUESTED_FILE, &s->requested) < 0 ||
        hf_fwcfg_client_find(&s->c, HF_SMI_OK_FILE, &s->ok) < 0 || s->supported.size != 8 ||
        hf_fwcfg_client_read(&s->c, &s->supported, &host, sizeof host) < 0)
        return false;
    s->host = hf_le64_get(host);
    return true;
}

/* Writes a request, commits by select, returns features-ok. */
static uint8_t request(struct smi *s, uint64_t bits)
{
    hf_le64 bytes = hf_le64_of(bits);
    uint8_t ok = 0xff;

    if (hf_fwcfg_client_write(&s->c, &s->requested, &bytes, sizeof bytes) < 0 ||
        hf_fwcfg_client_read(&s->c, &s->ok, &ok, 1) < 0)
        return 0xff;
    return ok;
}

/* What QEMU's device accepts, written down from its source. */
static bool acceptable(uint64_t host, uint64_t bits)
{
    return !(bits & ~host) && !((bits & 6) && !(bits & 1)) && !((bits & 4) && !(bits & 2));
}

static void check_subsets(struct hf_qtest *p, struct report *r, struct smi *s)
{
    hf_le64 now;

    for (uint64_t bits = 0; bits < 16; bits++) {
        uint8_t ok;

        peer_reset(p);
        if (!report_expect(r, find_all(p, s), "the files are gone after reset"))
            break;
        hf_fwcfg_client_read(&s->c, &s->requested, &now, sizeof now);
        report_expect(r, hf_le64_get(now) == 0, "after reset 0x%llx is requested",
                      (unsigned long long)hf_le64_get(now));
        ok = request(s, bits);
        report_expect(r, ok == acceptable(s->host, bits), "request 0x%llx of 0x%llx: features-ok is %u",
                      (unsigned long long)bits, (unsigned long long)s->host, ok);
    }
    report_end(r, "SMI: every request of four bits, each after a reset");
}

static void check_lock(struct hf_qtest *p, struct report *r, struct smi *s)
{
    hf_le64 now;

    peer_reset(p);
    find_all(p, s);
    report_expect(r, request(s, 1u << 30) == 0, "an unknown bit was accepted");
    report_expect(r, request(s, s->host) == 1, "after a refusal the whole set is not accepted");
    report_expect(r, request(s, 1u << 30) == 1, "features-ok is cleared after the lock");
    hf_fwcfg_client_read(&s->c, &s->requested, &now, sizeof now);
    report_expect(r, hf_le64_get(now) == 1u << 30, "requested-features cannot be written after the lock");
    report_end(r, "SMI: a refusal is not final, a lock is, until reset");
}

void check_smi(struct hf_qtest *p, struct report *r)
{
    struct smi s;

    if (!find_all(p, &s) || !s.c.dma) {
        report_skip(r, "SMI negotiation", "this machine has no etc/smi files");
        return;
    }
    if (!peer_resets(p)) {
        report_skip(r, "SMI negotiation", "this peer cannot be reset");
        return;
    }
    check_subsets(p, r, &s);
    check_lock(p, r, &s);
    peer_reset(p);
}
