/* Events: the sender's service does not know the receivers'. */
#include "services/service.h"

int service_deliver(struct tx *tx, const struct platform *platform, const struct sender *sender,
                    const char *target_arn, struct str body)
{
    /* arn:PARTITION:SERVICE:… */
    struct str rest = str_of(target_arn);
    struct str head = str_split(&rest, ':');
    (void)str_split(&rest, ':');
    struct str name = str_split(&rest, ':');
    if (!str_eqc(head, "arn"))
        return DELIVER_NO_TARGET;
    for (const struct service *const *service = platform->services; *service; service++)
        if (str_eqc(name, (*service)->name))
            return (*service)->deliver ? (*service)->deliver(tx, platform, sender, target_arn, body)
                                       : DELIVER_NO_TARGET;
    return DELIVER_NO_TARGET;
}

int service_object_created(struct tx *tx, const struct platform *platform,
                           const struct object_created *object)
{
    int r = 0;
    for (const struct service *const *service = platform->services; *service; service++)
        if (r == 0 && (*service)->object_created)
            r = (*service)->object_created(tx, platform, object);
    return r;
}
