/* What the domain functions of cloudformation return besides 0 and faults; words are in the reason. */
#pragma once

enum stack_outcome {
    STACK_E_INVALID = 1, /* ValidationError */
    STACK_E_EXISTS,
    STACK_E_TOKEN, /* the client request token was used for another operation */
    STACK_E_CAPABILITIES,
    STACK_E_NO_CHANGE_SET,
    STACK_E_CHANGE_SET_STATUS,
    STACK_E_LIMIT,
};
