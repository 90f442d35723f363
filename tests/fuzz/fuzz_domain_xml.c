/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's XML: refused, or its facts are whole strings, and what is rewritten parses again with the same name. */
#include "fuzz.h"

#include "domain_xml.h"

static void same_domain(const struct hf_domain *facts, const char *xml)
{
    struct hf_domain_xml *again;

    MUST(hf_domain_xml_parse(xml, strlen(xml), &again, NULL) == 0);
    MUST(!strcmp(hf_domain_facts(again)->name, facts->name) && !strcmp(hf_domain_facts(again)->uuid, facts->uuid));
    hf_domain_xml_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_domain_xml *doc, *original;
    const struct hf_domain *facts;
    char *xml = NULL;

    if (hf_domain_xml_parse((const char *)bytes, size, &doc, NULL) < 0)
        return 0;
    facts = hf_domain_facts(doc);
    MUST(facts->name[0] && strlen(facts->uuid) == 36 && strlen(facts->selinux) < sizeof facts->selinux);
    if (hf_domain_suitable(facts, NULL) == 0) {
        MUST(facts->nvram_kind != HF_NVRAM_OURS && !facts->confidential && !facts->varstore && !facts->stateless);
        MUST(hf_domain_xml_parse((const char *)bytes, size, &original, NULL) == 0);
        MUST(hf_domain_xml_enter(doc, "/code.fd", "/vars.sock", false, 300, &xml, NULL) == 0);
        same_domain(facts, xml);
        free(xml);
        MUST(hf_domain_xml_leave(doc, original, "/code.fd", "/vars.fd", false, &xml, NULL) == 0);
        same_domain(facts, xml);
        free(xml);
        hf_domain_xml_free(original);
    }
    hf_domain_xml_free(doc);
    return 0;
}
