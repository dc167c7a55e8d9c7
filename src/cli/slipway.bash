# Completion of `slipway` for bash: the commands and options are asked of the program itself, so that they are always its own.
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
        *)
            compopt -o default 2>/dev/null
            return
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _slipway slipway
