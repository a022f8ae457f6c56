// SPDX-License-Identifier: Apache-2.0
// What the MSI does beside copying, put into the WiX project that electron-builder has written (its hook `msiProjectCreated`): the
// daemon's task, the tray at sign-in, links outpost://, PATH. The same as installer.nsh, in the words of Windows Installer.

import { readFileSync, writeFileSync } from 'node:fs';

const TASK = '\\Outpost\\outpostd';

const action = (id, args, returns) =>
  `<CustomAction Id="${id}" Directory="APPLICATIONFOLDER" Execute="deferred" Impersonate="no" Return="${returns}" ` +
  `ExeCommand="&quot;[System64Folder]schtasks.exe&quot; ${args.replaceAll('"', '&quot;')}"/>`;

const registry = (key, name, value) =>
  `<RegistryValue Root="HKLM" Key="${key}" ${name === '' ? '' : `Name="${name}" `}Type="string" Value="${value}"/>`;

const TRAY = '&quot;[APPLICATIONFOLDER]Outpost.exe&quot;';

const PARTS = `
    <!-- The old one ends and goes on removal, also on that of an older version by a newer one, which registers its own. -->
    ${action('outpostEndTask', `/end /tn "${TASK}"`, 'ignore')}
    ${action('outpostRemoveTask', `/delete /f /tn "${TASK}"`, 'ignore')}
    ${action('outpostAddTask', `/create /f /tn "${TASK}" /xml "[APPLICATIONFOLDER]resources\\system\\outpostd-task.xml"`, 'check')}
    ${action('outpostRunTask', `/run /tn "${TASK}"`, 'ignore')}
    <InstallExecuteSequence>
      <Custom Action="outpostEndTask" Before="outpostRemoveTask">REMOVE="ALL"</Custom>
      <Custom Action="outpostRemoveTask" Before="RemoveFiles">REMOVE="ALL"</Custom>
      <Custom Action="outpostAddTask" After="InstallFiles">NOT REMOVE="ALL"</Custom>
      <Custom Action="outpostRunTask" After="outpostAddTask">NOT REMOVE="ALL"</Custom>
    </InstallExecuteSequence>
    <!-- The task names the program's place, so that there is one, whatever the command line says. No condition: a double click hands the
         folder from one process of the installer to the next, which could not tell who has set it. -->
    <SetProperty Id="APPLICATIONFOLDER" Value="[ProgramFiles64Folder]Outpost\\" Before="CostFinalize" Sequence="both"/>
`;

const COMPONENT = `
      <Component Id="outpostRegistry" Guid="8B0C4E5D-3F62-4B7A-A1D9-5E2F6C7D8091">
        ${registry('Software\\Microsoft\\Windows\\CurrentVersion\\Run', 'Outpost', `${TRAY} --hidden --js-flags=--optimize-for-size`).replace('/>', ' KeyPath="yes"/>')}
        ${registry('Software\\Classes\\outpost', '', 'URL:Outpost')}
        ${registry('Software\\Classes\\outpost', 'URL Protocol', '')}
        ${registry('Software\\Classes\\outpost\\shell\\open\\command', '', `${TRAY} &quot;%1&quot;`)}
        <Environment Id="outpostPath" Name="PATH" Part="last" System="yes" Permanent="no" Action="set" Value="[APPLICATIONFOLDER]resources\\daemon"/>
      </Component>
`;

/** The project with ours in it; throws when electron-builder's has another form than the one this was written for. */
export function withOutpost(wxs) {
  const files = '</ComponentGroup>';
  const end = '</Product>';
  for (const mark of [files, end]) {
    if (wxs.split(mark).length !== 2) throw new Error(`the WiX project has not one ${mark}`);
  }
  return wxs.replace(files, () => `${COMPONENT}    ${files}`).replace(end, () => `${PARTS}  ${end}`);
}

export default function msiProjectCreated(path) {
  writeFileSync(path, withOutpost(readFileSync(path, 'utf8')));
}
