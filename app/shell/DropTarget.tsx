import { useEffect, useState } from "react";
import { showFigure } from "../address.ts";
import { openFiles } from "../store/models.ts";
import { filesOf } from "./drop.ts";
import { useLab } from "./lab_context.tsx";

/** Takes a model dropped anywhere on the page. */
export function DropTarget() {
  const lab = useLab();
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setIsOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setIsOver(false);
    };
    const drop = async (event: DragEvent): Promise<void> => {
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      setIsOver(false);
      const { files, folder } = await filesOf(event.dataTransfer);
      if (await openFiles(lab, files, folder)) await showFigure(lab, true);
    };
    const onDrop = (event: DragEvent): void => void drop(event);
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", onDrop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", onDrop);
    };
  }, [lab]);
  if (!isOver) return null;
  return (
    <div className="drop">
      <p>
        Drop a model here: config.json, tokenizer.json and model.safetensors, or their folder.
        <br />
        It is read on this machine and sent nowhere.
      </p>
    </div>
  );
}
