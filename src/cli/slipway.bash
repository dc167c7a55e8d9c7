# Completion of `slipway` for bash: the commands and options are asked of the program itself, so that they are always its own,
# and applications and branches of the services.
_slipway() {
    local current=${COMP_WORDS[COMP_CWORD]} words
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p')
    elif [[ $current == -* ]]; then
        words=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*' | sort -u)
    else
        case "${COMP_WORDS[1]} $COMP_CWORD" in
        "catalog 2") words="apply diff show" ;;
        "template 2") words="put list" ;;
        "account 2") words="create list" ;;
        "bucket 2") words="verify health usage quota" ;;
        "status 2" | "watch 2" | "explain 2" | "approve 2" | "reject 2" | "retry 2" | "rollback 2" | "stop 2" | "history 2" | "logs 2" | "teardown 2")
            words=$("${COMP_WORDS[0]}" status 2>/dev/null | awk 'NF == 0 { exit } NR > 1 { print $1 }' | sort -u)
            ;;
        "status 3" | "watch 3" | "explain 3" | "approve 3" | "reject 3" | "retry 3" | "rollback 3" | "stop 3" | "history 3" | "logs 3" | "teardown 3")
            words=$("${COMP_WORDS[0]}" status "${COMP_WORDS[2]}" 2>/dev/null | awk 'NF == 0 { exit } NR > 1 { print $2 }' | sort -u)
            ;;
        *)
            compopt -o default 2>/dev/null
            return
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _slipway slipway
