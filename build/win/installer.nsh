; SPDX-License-Identifier: Apache-2.0
; What the NSIS installer does beside copying: the daemon's task, the tray at sign-in, links outpost://.
; Not PATH: NSIS cuts off a long one. Windows Installer does not, so the MSI sets it.

!define OUTPOST_TASK "\Outpost\outpostd"
!define OUTPOST_RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define OUTPOST_LINK "Software\Classes\outpost"

; The program of the system's own bitness: the installer is a 32-bit one.
!macro outpostSchtasks ARGUMENTS
  nsExec::Exec '"$WINDIR\Sysnative\schtasks.exe" ${ARGUMENTS}'
  Pop $0
  ${If} $0 == "error"
    nsExec::Exec '"$SYSDIR\schtasks.exe" ${ARGUMENTS}'
    Pop $0
  ${EndIf}
!macroend

!macro customInit
  ; The task names the program's place.
  ${If} $INSTDIR != "$PROGRAMFILES64\${APP_FILENAME}"
    SetErrorLevel 87
    Abort "Outpost can only be installed into $PROGRAMFILES64\${APP_FILENAME}"
  ${EndIf}
  ; A version that is there already: its daemons hold their files.
  !insertmacro outpostSchtasks '/end /tn "${OUTPOST_TASK}"'
!macroend

!macro customInstall
  !insertmacro outpostSchtasks '/create /f /tn "${OUTPOST_TASK}" /xml "$INSTDIR\resources\system\outpostd-task.xml"'
  ${If} $0 != 0
    SetErrorLevel $0
    Abort "The task of the Outpost daemon could not be registered ($0)"
  ${EndIf}
  !insertmacro outpostSchtasks '/run /tn "${OUTPOST_TASK}"'
  WriteRegStr HKLM "${OUTPOST_RUN}" "Outpost" '"$INSTDIR\${APP_EXECUTABLE_FILENAME}" --hidden --js-flags=--optimize-for-size'
  WriteRegStr HKLM "${OUTPOST_LINK}" "" "URL:Outpost"
  WriteRegStr HKLM "${OUTPOST_LINK}" "URL Protocol" ""
  WriteRegStr HKLM "${OUTPOST_LINK}\shell\open\command" "" '"$INSTDIR\${APP_EXECUTABLE_FILENAME}" "%1"'
!macroend

!macro customUnInstall
  !insertmacro outpostSchtasks '/end /tn "${OUTPOST_TASK}"'
  !insertmacro outpostSchtasks '/delete /f /tn "${OUTPOST_TASK}"'
  DeleteRegValue HKLM "${OUTPOST_RUN}" "Outpost"
  DeleteRegKey HKLM "${OUTPOST_LINK}"
!macroend
