/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of verbs, in the order of `holdfast help`. One line per verb; each is defined in verb_NAME.c. */
#ifndef HF_VERBS_H
#define HF_VERBS_H

#include "verb.h"

#define HF_VERBS(X)                                                                                                    \
    X(create)                                                                                                          \
    X(show)                                                                                                            \
    X(log)                                                                                                             \
    X(set)                                                                                                             \
    X(check)                                                                                                           \
    X(export)                                                                                                          \
    X(backup)                                                                                                          \
    X(restore)                                                                                                         \
    X(clone)                                                                                                           \
    X(run)                                                                                                             \
    X(serve)                                                                                                           \
    X(qemu_args)                                                                                                       \
    X(libvirt_list)                                                                                                    \
    X(libvirt_status)                                                                                                  \
    X(libvirt_adopt)                                                                                                   \
    X(libvirt_clone)                                                                                                   \
    X(libvirt_release)                                                                                                 \
    X(libvirt_migrate)                                                                                                 \
    X(libvirt_hook)                                                                                                    \
    X(libvirt_receive)                                                                                                 \
    X(libvirt_fetch)                                                                                                   \
    X(libvirt_abandon)                                                                                                 \
    X(libvirt_give)                                                                                                    \
    X(libvirt_note)                                                                                                    \
    X(libvirt_guard)                                                                                                   \
    X(libvirt_align)                                                                                                   \
    X(libvirt_watch)                                                                                                   \
    X(libvirt_witness)                                                                                                 \
    X(libvirt_resync)                                                                                                  \
    X(stage)                                                                                                           \
    X(unstage)                                                                                                         \
    X(confirm)                                                                                                         \
    X(rollback)                                                                                                        \
    X(snapshot)                                                                                                        \
    X(revert)                                                                                                          \
    X(image_identify)                                                                                                  \
    X(image_convert)                                                                                                   \
    X(vars_list)                                                                                                       \
    X(vars_get)                                                                                                        \
    X(vars_set)                                                                                                        \
    X(vars_rm)                                                                                                         \
    X(vars_clean)                                                                                                      \
    X(vars_reset)                                                                                                      \
    X(vars_diff)                                                                                                       \
    X(vars_export)                                                                                                     \
    X(vars_import)                                                                                                     \
    X(boot_list)                                                                                                       \
    X(boot_add)                                                                                                        \
    X(boot_move)                                                                                                       \
    X(boot_next)                                                                                                       \
    X(boot_rm)                                                                                                         \
    X(boot_prune)                                                                                                      \
    X(boot_dedup)                                                                                                      \
    X(boot_clear)                                                                                                      \
    X(keys_show)                                                                                                       \
    X(keys_audit)                                                                                                      \
    X(keys_update)                                                                                                     \
    X(keys_would_boot)                                                                                                 \
    X(measure)                                                                                                         \
    X(acpi_show)                                                                                                       \
    X(acpi_check)                                                                                                      \
    X(acpi_run)                                                                                                        \
    X(caps)                                                                                                            \
    X(migrate)                                                                                                         \
    X(send)                                                                                                            \
    X(receive)                                                                                                         \
    X(claim)                                                                                                           \
    X(preflight)                                                                                                       \
    X(owner)                                                                                                           \
    X(completion)                                                                                                      \
    X(help)

#define HF_VERB_DECLARE(name) extern const struct hf_verb hf_verb_##name;
HF_VERBS(HF_VERB_DECLARE)
#undef HF_VERB_DECLARE

#endif
