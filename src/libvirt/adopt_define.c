/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt_define.h"

#include "cleanup.h"
#include "places.h"

/* How long QEMU waits for a server that went away before it gives its guest an error. */
#define RECONNECT_SECONDS 60

static int define_with(struct hf_domain_access *access, const struct hf_adoption *a, bool has_vars, unsigned reconnect,
                       struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *xml = NULL;
    char code[PATH_MAX], socket[PATH_MAX];
    int r;

    hf_libvirt_state_path(a->uuid, HF_PUBLISHED_CODE, code);
    hf_libvirt_run_path(a->uuid, HF_VARS_SOCKET, socket);
    r = hf_domain_xml_enter(access->xml, code, has_vars ? socket : NULL, a->secure, reconnect, &xml, err);
    return r < 0 ? r : hf_virt_define(access->virt, xml, err);
}

/* libvirt 9.0 does not know <reconnect> yet and refuses it; the guard makes good for that (resync.h). */
int hf_adopt_define(struct hf_domain_access *access, struct hf_adoption *adoption, bool has_vars, struct hf_error *err)
{
    adoption->reconnect = define_with(access, adoption, has_vars, RECONNECT_SECONDS, NULL) == 0;
    if (!adoption->reconnect) {
        int r = define_with(access, adoption, has_vars, 0, err);

        if (r < 0)
            return r;
    }
    return hf_adoption_save(adoption, err);
}
